//! The multiple-choice knapsack: which layers to quantize, and how. Gains (time saved) and noise powers add over the layers; each layer
//! takes one of its options, or none and stays as it is. The answer is the whole Pareto front.
//!
//! Dynamic programming, layer by layer: all sums of the front so far with each option, without those that another one equals or beats in
//! both figures. That is exact, and the front of up to `EXACT` points is kept so. Beyond, points whose noise differs by less than
//! `RESOLUTION` divided by the number of layers are merged into the one with the most gain. What is kept: every point is a true choice with
//! its true sums; and for any choice at all there is a point with no less gain and at most 1 % (0.04 dB) more noise.

const EXACT: usize = 10_000;
const RESOLUTION: f64 = 0.01;

/// An option of one layer, or the sum of a choice over all layers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Time saved; any unit.
    pub gain: f64,
    /// Noise power added; any unit.
    pub noise: f64,
}

/// The best trade-offs, by rising noise and gain. The first is the choice of nothing: no noise, no gain (unless there is gain without
/// noise).
#[derive(Debug, Clone)]
pub struct Front {
    points: Vec<Point>,
    /// The last step that leads to each point.
    ends: Vec<usize>,
    steps: Vec<Step>,
    layers: usize,
}

/// A layer's option on top of the choice in the layers before it.
#[derive(Debug, Clone, Copy)]
struct Step {
    layer: usize,
    option: usize,
    before: usize,
}

const START: usize = usize::MAX;

/// A sum on its way to the front.
#[derive(Clone, Copy)]
struct State {
    sum: Point,
    last: usize,
    option: Option<usize>,
}

/// The front of all choices of at most one option a layer. An option without gain, or with a figure that is not finite, is never chosen.
pub fn knapsack(layers: &[Vec<Point>]) -> Front {
    front(layers, EXACT)
}

/// The same, with merging beyond `exact` points.
fn front(layers: &[Vec<Point>], exact: usize) -> Front {
    let mut steps = Vec::new();
    let mut front = vec![State { sum: Point { gain: 0.0, noise: 0.0 }, last: START, option: None }];
    for (layer, options) in layers.iter().enumerate() {
        let mut states = front.clone();
        for (option, point) in options.iter().enumerate().filter(|(_, point)| point.is_useful()) {
            states.extend(front.iter().map(|state| State { sum: state.sum.plus(point), last: state.last, option: Some(option) }));
        }
        front = undominated(states);
        if front.len() > exact {
            front = thinned(front, RESOLUTION / layers.len() as f64);
        }
        for state in &mut front {
            if let Some(option) = state.option.take() {
                steps.push(Step { layer, option, before: state.last });
                state.last = steps.len() - 1;
            }
        }
    }
    Front {
        points: front.iter().map(|state| state.sum).collect(),
        ends: front.iter().map(|state| state.last).collect(),
        steps,
        layers: layers.len(),
    }
}

/// The states that no other equals or beats in both figures, by noise. Of equals the first in order stays.
fn undominated(mut states: Vec<State>) -> Vec<State> {
    // A stable sort of sorted runs: one merge.
    states.sort_by(|a, b| a.sum.noise.total_cmp(&b.sum.noise).then(b.sum.gain.total_cmp(&a.sum.gain)));
    let mut most = f64::NEG_INFINITY;
    states.retain(|state| {
        let better = state.sum.gain > most;
        most = most.max(state.sum.gain);
        better
    });
    states
}

/// The last (with the most gain) of each run whose noise lies within `resolution` of the run's first.
fn thinned(front: Vec<State>, resolution: f64) -> Vec<State> {
    let mut kept: Vec<State> = Vec::new();
    let mut bound = f64::NEG_INFINITY;
    for state in front {
        if state.sum.noise <= bound {
            kept.pop();
        } else {
            bound = state.sum.noise * (1.0 + resolution);
        }
        kept.push(state);
    }
    kept
}

impl Point {
    fn is_useful(&self) -> bool {
        self.gain > 0.0 && self.gain.is_finite() && self.noise >= 0.0 && self.noise.is_finite()
    }

    fn plus(self, other: &Self) -> Self {
        Self { gain: self.gain + other.gain, noise: self.noise + other.noise }
    }
}

impl Front {
    /// All points, by rising noise and gain. Never empty.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// What the point at this index chose: an option for each layer, or none.
    pub fn choice(&self, index: usize) -> Vec<Option<usize>> {
        let mut choice = vec![None; self.layers];
        let mut at = self.ends[index];
        while at != START {
            let step = self.steps[at];
            choice[step.layer] = Some(step.option);
            at = step.before;
        }
        choice
    }

    /// The index of the point with the least noise among those of at least this gain.
    pub fn least_noise(&self, gain: f64) -> Option<usize> {
        let index = self.points.partition_point(|point| point.gain < gain);
        (index < self.points.len()).then_some(index)
    }

    /// The index of the point with the most gain among those of at most this noise.
    pub fn most_gain(&self, noise: f64) -> Option<usize> {
        self.points.partition_point(|point| point.noise <= noise).checked_sub(1)
    }

    /// The index of the point furthest above the line from nothing to everything, where gain is drawn over the amplitude of the noise (its root): from there
    /// on, error buys less gain than on the average.
    pub fn knee(&self) -> usize {
        let Some(all) = self.points.last().filter(|all| all.noise > 0.0) else { return self.points.len().saturating_sub(1) };
        let above = |index: usize| self.points[index].gain / all.gain - (self.points[index].noise / all.noise).sqrt();
        (0..self.points.len()).reduce(|best, index| if above(index) > above(best) { index } else { best }).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    fn random_layers(random: &mut Random, layers: usize, options: usize) -> Vec<Vec<Point>> {
        let option = |random: &mut Random| Point { gain: (random.uniform() * 9.0).floor(), noise: (random.uniform() * 9.0).floor() };
        (0..layers).map(|_| (0..options).map(|_| option(random)).collect()).collect()
    }

    fn total(layers: &[Vec<Point>], choice: &[Option<usize>]) -> Point {
        let chosen = layers.iter().zip(choice).filter_map(|(options, option)| option.map(|option| options[option]));
        chosen.fold(Point { gain: 0.0, noise: 0.0 }, |sum, point| sum.plus(&point))
    }

    fn all_choices(layers: &[Vec<Point>]) -> Vec<Point> {
        layers.iter().fold(vec![Point { gain: 0.0, noise: 0.0 }], |sums, options| {
            sums.iter().flat_map(|sum| std::iter::once(*sum).chain(options.iter().map(|option| sum.plus(option)))).collect()
        })
    }

    #[test]
    fn is_the_front_of_all_choices() {
        for seed in 0..40 {
            let mut random = Random(seed);
            let layers = random_layers(&mut random, 1 + seed as usize % 6, 1 + seed as usize % 3);
            let (front, all) = (knapsack(&layers), all_choices(&layers));
            let beaten = |p: &Point| all.iter().any(|q| q.gain >= p.gain && q.noise <= p.noise && (q.gain > p.gain || q.noise < p.noise));
            let mut expected: Vec<Point> = all.iter().copied().filter(|point| !beaten(point)).collect();
            expected.sort_by(|a, b| a.noise.total_cmp(&b.noise));
            expected.dedup();
            assert_eq!(front.points(), expected);
            for (index, point) in front.points().iter().enumerate() {
                assert_eq!(total(&layers, &front.choice(index)), *point);
            }
            for limit in 0..50 {
                let limit = f64::from(limit);
                let least = all.iter().filter(|point| point.gain >= limit).map(|point| point.noise).reduce(f64::min);
                assert_eq!(front.least_noise(limit).map(|index| front.points()[index].noise), least);
                let most = all.iter().filter(|point| point.noise <= limit).map(|point| point.gain).reduce(f64::max);
                assert_eq!(front.most_gain(limit).map(|index| front.points()[index].gain), most);
            }
        }
    }

    /// Noise that nearly follows the gain: nearly every choice is on the front.
    fn hard_layers(random: &mut Random, layers: usize, options: usize) -> Vec<Vec<Point>> {
        let option = |random: &mut Random| {
            let noise = 10_f64.powf(-2.0 * random.uniform());
            Point { gain: noise * (1.0 + 1e-3 * random.uniform()), noise }
        };
        (0..layers).map(|_| (0..options).map(|_| option(random)).collect()).collect()
    }

    #[test]
    fn keeps_to_its_resolution_where_it_merges() {
        let mut random = Random(9);
        let layers = hard_layers(&mut random, 7, 3);
        let (merged, all) = (front(&layers, 0), all_choices(&layers));
        assert!(merged.points().len() < knapsack(&layers).points().len());
        for any in all {
            let index = merged.least_noise(any.gain).unwrap();
            assert!(merged.points()[index].noise <= any.noise * (1.0 + 1.01 * RESOLUTION));
        }
    }

    #[test]
    fn stays_small_where_nearly_every_choice_is_on_the_front() {
        let layers = hard_layers(&mut Random(5), 60, 3);
        let front = knapsack(&layers);
        assert!(front.points().len() < 60_000, "{}", front.points().len());
        for index in (0..front.points().len()).step_by(997) {
            assert_eq!(total(&layers, &front.choice(index)), front.points()[index]);
        }
    }

    #[test]
    fn finds_the_knee() {
        let one = |gain: f64, noise: f64| vec![Point { gain, noise }];
        let front = knapsack(&[one(10.0, 1.0), one(9.0, 1.0), one(1.0, 8.0)]);
        assert_eq!(front.choice(front.knee()), [Some(0), Some(0), None]);
        assert_eq!(knapsack(&[]).knee(), 0);
        assert_eq!(knapsack(&[one(1.0, 0.0)]).choice(0), [Some(0)]);
    }

    #[test]
    fn never_chooses_what_has_no_use() {
        let layer = vec![Point { gain: f64::NAN, noise: 0.0 }, Point { gain: 1.0, noise: f64::INFINITY }, Point { gain: -1.0, noise: 0.0 }];
        assert_eq!(knapsack(&[layer]).points(), [Point { gain: 0.0, noise: 0.0 }]);
    }
}
