//! Measuring runs against each other, fairly: taken in turns, so that what drifts on the machine hits all alike.
//!
//! The clock is handed in; nothing here looks at a real one.

/// A clock's two hands, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Reading {
    /// Time that passed.
    pub wall: f64,
    /// Time that processors spent on this process.
    pub cpu: f64,
}

/// Which hand of the clock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hand {
    /// Time that passed: what several threads are to be judged by.
    Wall,
    /// Time of processors: for one thread steadier, on a machine that others use too.
    Cpu,
}

/// When measuring ends.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Runs of each contestant before its time counts.
    pub warm_ups: usize,
    /// Measuring ends after so many seconds.
    pub seconds: f64,
    /// And earlier, once the interval of the result is narrower than this share of it.
    pub narrow: f64,
    /// What the result is judged by.
    pub hand: Hand,
    /// Rounds that are measured at least.
    pub rounds: usize,
    /// Rounds that are measured at most.
    pub most: usize,
    /// Rounds before the interval is looked at: looking often, or early, finds a narrow one by luck.
    pub look: usize,
}

impl Plan {
    /// Ten warm-ups, at least ten rounds, and an interval of 2 %.
    pub fn new(seconds: f64, hand: Hand) -> Self {
        Self { warm_ups: 10, seconds, narrow: 0.02, hand, rounds: 10, most: usize::MAX, look: 20 }
    }
}

/// One contestant: runs once, in this round.
pub type Contestant<'a, E> = Box<dyn FnMut(usize) -> Result<(), E> + 'a>;

/// What was measured: by contestant, by round.
#[derive(Clone, Debug, PartialEq)]
pub struct Timings {
    readings: Vec<Vec<Reading>>,
}

/// An estimate and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// 2.5 % of resamplings lie below.
    pub low: f64,
    /// 2.5 % lie above.
    pub high: f64,
}

impl Interval {
    fn width(&self) -> f64 {
        (self.high - self.low) / self.value
    }
}

/// Quantiles of a contestant's times, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Spread {
    /// Half of the runs were faster.
    pub median: f64,
    /// 90 % were.
    pub p90: f64,
    /// 99 % were.
    pub p99: f64,
    /// The fastest.
    pub min: f64,
}

/// Runs the contestants in turns, A B A B, until the plan says that it is enough. In every round all of them get the same number.
pub fn race<E>(contestants: &mut [Contestant<'_, E>], plan: &Plan, clock: &mut dyn FnMut() -> Reading) -> Result<Timings, E> {
    for round in 0..plan.warm_ups {
        contestants.iter_mut().try_for_each(|run| run(round))?;
    }
    let mut timings = Timings { readings: vec![Vec::new(); contestants.len()] };
    let start = clock();
    let mut look = plan.look.max(2);
    for round in 0.. {
        for (run, readings) in contestants.iter_mut().zip(&mut timings.readings) {
            let before = clock();
            run(round)?;
            let after = clock();
            readings.push(Reading { wall: after.wall - before.wall, cpu: after.cpu - before.cpu });
        }
        let spent = clock().wall - start.wall;
        if round + 1 < plan.rounds {
            continue;
        }
        if spent >= plan.seconds || round + 1 >= plan.most {
            break;
        }
        if round + 1 >= look {
            look += look / 2;
            if spent >= plan.seconds / 10.0 && timings.verdict(plan.hand).width() < plan.narrow {
                break;
            }
        }
    }
    Ok(timings)
}

impl Timings {
    /// Rounds that were measured.
    pub fn rounds(&self) -> usize {
        self.readings.first().map_or(0, Vec::len)
    }

    /// Quantiles of one contestant.
    pub fn spread(&self, contestant: usize, hand: Hand) -> Spread {
        let mut times = self.times(contestant, hand);
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get(((times.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied().unwrap_or(f64::NAN);
        Spread { median: median(&mut times.clone()), p90: at(0.9), p99: at(0.99), min: at(0.0) }
    }

    /// How many times as fast as one contestant another is: the ratio of medians. Rounds are resampled as pairs, since what disturbs one contestant of a round
    /// disturbs the other.
    pub fn speed_up(&self, from: usize, to: usize, hand: Hand) -> Interval {
        let (a, b) = (self.times(from, hand), self.times(to, hand));
        bootstrap(self.rounds(), &|rounds| pick(&a, rounds) / pick(&b, rounds))
    }

    /// What the plan's interval is about: the ratio of the first two; of a single one, its median.
    fn verdict(&self, hand: Hand) -> Interval {
        if self.readings.len() > 1 {
            return self.speed_up(0, 1, hand);
        }
        let times = self.times(0, hand);
        bootstrap(times.len(), &|rounds| pick(&times, rounds))
    }

    fn times(&self, contestant: usize, hand: Hand) -> Vec<f64> {
        let time = |r: &Reading| match hand {
            Hand::Wall => r.wall,
            Hand::Cpu => r.cpu,
        };
        self.readings[contestant].iter().map(time).collect()
    }
}

/// The middle element, or the mean of the two in the middle.
pub fn median(times: &mut [f64]) -> f64 {
    if times.is_empty() {
        return f64::NAN;
    }
    let middle = times.len() / 2;
    let odd = times.len() % 2 == 1;
    let (below, high, _) = times.select_nth_unstable_by(middle, f64::total_cmp);
    let high = *high;
    if odd { high } else { f64::midpoint(below.iter().copied().fold(f64::NEG_INFINITY, f64::max), high) }
}

fn pick(times: &[f64], rounds: &[usize]) -> f64 {
    median(&mut rounds.iter().map(|r| times[*r]).collect::<Vec<f64>>())
}

/// A statistic of `n` rounds, and its interval by the percentile bootstrap. Seeded: the same rounds give the same interval.
fn bootstrap(n: usize, statistic: &dyn Fn(&[usize]) -> f64) -> Interval {
    const RESAMPLINGS: usize = 1000;
    /// More rounds than this add nothing to an interval of a median but time.
    const MAX_ROUNDS: usize = 20_000;
    let all: Vec<usize> = (0..n).collect();
    let value = statistic(&all);
    if n < 2 {
        return Interval { value, low: value, high: value };
    }
    let mut state = 0x5eed_u64;
    let mut next = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let resamplings = (RESAMPLINGS * MAX_ROUNDS / n.max(MAX_ROUNDS)).max(100);
    let mut rounds = all;
    let mut made: Vec<f64> = Vec::with_capacity(resamplings);
    for _ in 0..resamplings {
        for round in &mut rounds {
            *round = ((u128::from(next()) * n as u128) >> 64) as usize;
        }
        made.push(statistic(&rounds));
    }
    made.sort_by(f64::total_cmp);
    let at = |share: f64| made[((made.len() - 1) as f64 * share).round() as usize];
    Interval { value, low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, convert::Infallible};

    /// A race in which contestant k takes `cost(k, round)` seconds.
    fn synthetic(contestants: usize, plan: &Plan, cost: &dyn Fn(usize, usize) -> f64) -> (Timings, Vec<(usize, usize)>) {
        let now = Cell::new(0.0);
        let order = std::cell::RefCell::new(Vec::new());
        let mut all: Vec<Contestant<'_, Infallible>> = Vec::new();
        for k in 0..contestants {
            let (now, order) = (&now, &order);
            all.push(Box::new(move |round| {
                order.borrow_mut().push((k, round));
                now.set(now.get() + cost(k, round));
                Ok(())
            }));
        }
        let Ok(timings) = race(&mut all, plan, &mut || Reading { wall: 2.0 * now.get(), cpu: now.get() });
        drop(all);
        (timings, order.into_inner())
    }

    #[test]
    fn contestants_take_turns_and_warm_up() {
        let plan = Plan { warm_ups: 2, ..Plan::new(0.0, Hand::Cpu) };
        let (timings, order) = synthetic(2, &plan, &|_, _| 1.0);
        assert_eq!(timings.rounds(), 10, "time is up at once, and the least is still done");
        assert_eq!(order[..6], [(0, 0), (1, 0), (0, 1), (1, 1), (0, 0), (1, 0)]);
        assert_eq!(order.len(), 2 * (2 + 10));
    }

    #[test]
    fn ends_when_the_time_is_up_or_the_interval_narrow() {
        let noisy = |k: usize, round: usize| (2 - k) as f64 * if (round * 7 + k * 3) % 5 < 2 { 1.0 } else { 3.0 };
        assert_eq!(synthetic(2, &Plan::new(400.0, Hand::Wall), &|_, _| 1.0).0.rounds(), 20, "no noise: the first look");
        let (timings, _) = synthetic(2, &Plan { narrow: 0.0, ..Plan::new(400.0, Hand::Wall) }, &noisy);
        let spent: f64 = (0..timings.rounds()).map(|r| 2.0 * (noisy(0, r) + noisy(1, r))).sum();
        assert!((400.0..420.0).contains(&spent), "{spent}");
    }

    #[test]
    fn ends_after_the_most_rounds() {
        let plan = Plan { rounds: 2, most: 7, narrow: 0.0, ..Plan::new(1e9, Hand::Cpu) };
        assert_eq!(synthetic(3, &plan, &|_, _| 1.0).0.rounds(), 7);
    }

    #[test]
    fn the_ratio_of_medians_has_an_interval_around_it() {
        let cost =
            |k: usize, round: usize| (2 - k) as f64 * (1.0 + 0.1 * ((round * 37 % 17) as f64 / 17.0)) + 0.02 * (round * 11 % 7) as f64;
        let plan = Plan { narrow: 0.0, ..Plan::new(1000.0, Hand::Wall) };
        let (timings, _) = synthetic(2, &plan, &cost);
        let ratio = timings.speed_up(0, 1, Hand::Cpu);
        assert!(ratio.low <= ratio.value && ratio.value <= ratio.high && ratio.low < ratio.high, "{ratio:?}");
        assert!((1.85..2.0).contains(&ratio.value), "{ratio:?}");
        assert_eq!(ratio, timings.speed_up(0, 1, Hand::Cpu), "seeded");
        assert_eq!(timings.speed_up(1, 1, Hand::Cpu), Interval { value: 1.0, low: 1.0, high: 1.0 }, "rounds are pairs");
    }

    #[test]
    fn quantiles() {
        let (timings, _) = synthetic(1, &Plan { rounds: 100, narrow: 0.0, ..Plan::new(0.0, Hand::Cpu) }, &|_, round| round as f64);
        let spread = timings.spread(0, Hand::Cpu);
        assert_eq!(spread, Spread { median: 49.5, p90: 89.0, p99: 98.0, min: 0.0 });
        assert_eq!(timings.spread(0, Hand::Wall).p90, 178.0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    }
}
