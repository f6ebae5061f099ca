//! Which layers become int8: the noise of each alone, measured; what each saves, from the table of costs; noise powers add.

use super::{
    affine::Affine,
    apply::apply,
    cost::Predictor,
    evidence::{EvidenceError, Job, gather},
    fit::{Corrections, Fitted, fit},
    input::{Input, Mode},
    judge::{Judge, decibels},
    layer::{Kind, Layer, layers_of},
    placement::{Placement, Shared, placement},
    plan::{Decision, Plan, Point},
};
use shrinx_calib::{RangeMethod, Samples, Statistics, range};
use shrinx_rewrite::{
    ir::{Model, NodeId, ValueId},
    ops::{OpTable, Runtime, costs::CostTable},
};
use shrinx_solve::{Gram, Point as Trade, knapsack};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

/// What is wanted.
pub struct Settings<'a> {
    /// Which choice is made.
    pub goal: Goal,
    /// How the range of a tensor is found; `None`: by the method that measures best.
    pub range: Option<RangeMethod>,
    /// By how many standard deviations over the samples the range of a channel is widened.
    pub margin: f64,
    /// Kernel costs.
    pub costs: &'a CostTable,
    /// How many samples the model will be run on at a time.
    pub batch: u64,
    /// Layers that stay float, by name and operator.
    pub excluded: &'a dyn Fn(&str, &str) -> bool,
}

/// Which choice is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// The fastest of at least this many decibels.
    MinSqnr(f64),
    /// The truest that is predicted to take at most this share of the float model's time.
    MaxTime(f64),
}

/// Samples, and what runs the model on them.
pub struct Trials<'a> {
    /// Runs the model.
    pub runtime: &'a dyn Runtime,
    /// The samples.
    pub samples: &'a Samples,
    /// Those that things are fitted to.
    pub fit: &'a [usize],
    /// Those that things are judged on.
    pub accept: &'a [usize],
}

/// A model with int8 layers, or without any, and why.
pub struct Quantized {
    /// The model.
    pub model: Model,
    /// The decisions.
    pub plan: Plan,
}

/// The methods among which the best is found by measuring; the first, where nothing can be measured.
const METHODS: [RangeMethod; 2] = [RangeMethod::Auto, RangeMethod::Percentile(99.99)];
/// How often a choice is made anew when noise powers did not add as they should.
const ROUNDS: usize = 4;
/// A layer that is predicted to save less than this share of the time of all layers stays float.
const LEAST_GAIN: f64 = 0.002;

/// Makes a prepared float model int8 where it pays. Without trials nothing is corrected or measured, and all layers that are predicted to gain are taken.
pub fn quantize(
    model: &Model,
    statistics: &Statistics,
    trials: Option<&Trials<'_>>,
    settings: &Settings<'_>,
) -> Result<Quantized, EvidenceError> {
    let ops = &OpTable::standard();
    let (layers, refused) = layers_of(model, ops);
    let workshop = Workshop {
        model,
        ops,
        statistics,
        trials,
        settings,
        predictor: Predictor::new(model, ops, statistics, settings.costs, settings.batch),
        range: Cell::new(settings.range.unwrap_or(METHODS[0])),
        fits: RefCell::default(),
        inputs: RefCell::default(),
    };
    let mut plan = Plan::default();
    plan.decisions.extend(refused.iter().map(|r| Decision::float(&r.name, &r.op, r.reason)));
    let mut candidates = Vec::new();
    for layer in &layers {
        match workshop.obstacle(layer) {
            Some(reason) => plan.decisions.push(Decision::float(&layer.name, workshop.op(layer), reason)),
            None => candidates.push(layer),
        }
    }
    let candidates = workshop.worthwhile(candidates, &mut plan);
    let chosen = workshop.choose(&candidates, &mut plan)?;
    let model = if chosen.is_empty() { model.clone() } else { workshop.build(&chosen)? };
    for layer in candidates {
        let int8 = chosen.iter().any(|c| c.node == layer.node);
        plan.decide(&layer.name, workshop.op(layer), int8);
    }
    Ok(Quantized { model, plan })
}

/// What a search for the rounding of an input depends on: the layer, whether it is guarded, the method for ranges.
type Search = (NodeId, bool, RangeMethod);

struct Workshop<'a> {
    model: &'a Model,
    ops: &'a OpTable,
    statistics: &'a Statistics,
    trials: Option<&'a Trials<'a>>,
    settings: &'a Settings<'a>,
    predictor: Predictor<'a>,
    /// The method in use.
    range: Cell<RangeMethod>,
    /// Layers that were fitted, with the rounding of their inputs: the samples need not be run again for them.
    fits: RefCell<Vec<(NodeId, Fitted)>>,
    /// Roundings of inputs that were searched for.
    inputs: RefCell<Vec<(Search, Input)>>,
}

impl Workshop<'_> {
    fn op(&self, layer: &Layer) -> &str {
        &self.model.node(layer.node).op.op
    }

    /// Why a layer is no candidate.
    fn obstacle(&self, layer: &Layer) -> Option<&'static str> {
        let seen = |value| self.statistics.tensor(self.model.name(value)).filter(|t| t.count > t.nan + t.infinite);
        if (self.settings.excluded)(&layer.name, self.op(layer)) {
            return Some("excluded");
        }
        let (Some(input), Some(output)) = (seen(layer.input), seen(layer.output)) else {
            return Some("its values were not seen in the samples");
        };
        if [input, output].iter().any(|t| t.nan + t.infinite > 0) {
            return Some("its values are not all finite");
        }
        (layer.is_conv() && self.predictor.positions(layer) <= 1).then_some("it computes a single place")
    }

    /// Drops the layers that would not gain beside all others, the worst first.
    fn worthwhile<'l>(&self, mut layers: Vec<&'l Layer>, plan: &mut Plan) -> Vec<&'l Layer> {
        let float = self.predictor.float(&layers);
        loop {
            let gains = self.gains(&layers);
            let worst = gains.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
            match worst {
                Some((k, gain)) if *gain < LEAST_GAIN * float => {
                    let layer = layers.remove(k);
                    plan.decisions.push(Decision::float(&layer.name, self.op(layer), "int8 would not be faster").gaining(*gain));
                }
                _ => break,
            }
        }
        if !layers.is_empty() && self.saved(&layers) <= 0.0 {
            let slow = layers.drain(..).map(|l| Decision::float(&l.name, self.op(l), "int8 would not be faster"));
            plan.decisions.extend(slow);
        }
        layers
    }

    fn saved(&self, chosen: &[&Layer]) -> f64 {
        self.predictor.saved(&placement(self.model, self.ops, chosen), chosen)
    }

    /// What each layer saves beside all the others.
    fn gains(&self, layers: &[&Layer]) -> Vec<f64> {
        let all = self.saved(layers);
        (0..layers.len())
            .map(|k| {
                let others: Vec<&Layer> = layers.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, l)| *l).collect();
                all - self.saved(&others)
            })
            .collect()
    }

    fn choose<'l>(&self, candidates: &[&'l Layer], plan: &mut Plan) -> Result<Vec<&'l Layer>, EvidenceError> {
        let float = self.predictor.float(candidates);
        let Some(trials) = self.trials.filter(|t| !candidates.is_empty() && !t.accept.is_empty()) else {
            plan.saved_share = self.saved(candidates) / float;
            return Ok(candidates.to_vec());
        };
        let judge = Judge::new(trials.runtime, self.model, trials.samples, trials.accept)?;
        let least = match self.settings.goal {
            Goal::MinSqnr(least) => least,
            Goal::MaxTime(_) => f64::NEG_INFINITY,
        };
        let all = self.noise_by_best_range(candidates, &judge)?;
        if decibels(all) >= least && !matches!(self.settings.goal, Goal::MaxTime(_)) {
            (plan.measured, plan.saved_share) = (Some(all), self.saved(candidates) / float);
            return Ok(candidates.to_vec());
        }
        let (gains, noises) = (self.gains(candidates), self.noises(candidates, &judge)?);
        for ((layer, gain), noise) in candidates.iter().zip(&gains).zip(&noises) {
            plan.measure(&layer.name, *gain, *noise);
        }
        let items: Vec<Vec<Trade>> = gains.iter().zip(&noises).map(|(g, n)| vec![Trade { gain: *g, noise: *n }]).collect();
        let front = knapsack(&items);
        let pick = |index: usize| -> Vec<&'l Layer> {
            front.choice(index).iter().zip(candidates).filter(|(c, _)| c.is_some()).map(|(_, l)| *l).collect()
        };
        let shown = front.points().iter().enumerate();
        plan.front = shown
            .map(|(k, p)| Point { saved_share: p.gain / float, noise: p.noise, layers: pick(k).len(), knee: k == front.knee() })
            .collect();
        if let Goal::MaxTime(share) = self.settings.goal {
            // What layers save beside all the others adds up to more than they save together.
            let enough = |chosen: &Vec<&Layer>| self.saved(chosen) >= (1.0 - share) * float;
            let chosen = (0..front.points().len()).map(pick).find(enough).unwrap_or_else(|| candidates.to_vec());
            plan.measured = if chosen.is_empty() { None } else { Some(judge.noise(&self.build(&chosen)?)?) };
            plan.saved_share = self.saved(&chosen) / float;
            return Ok(chosen);
        }
        let most = 10f64.powf(-least / 10.0);
        let mut budget = most;
        for _ in 0..ROUNDS {
            let Some(index) = front.most_gain(budget).filter(|k| front.points()[*k].gain > 0.0) else { break };
            let chosen = pick(index);
            let measured = judge.noise(&self.build(&chosen)?)?;
            if measured <= most {
                (plan.measured, plan.saved_share) = (Some(measured), self.saved(&chosen) / float);
                return Ok(chosen);
            }
            // Noise powers did not add: as much less as there was too much.
            budget = front.points()[index].noise * (most / measured).min(0.9);
        }
        plan.refusal = Some(format!("no choice of layers keeps {least:.1} dB"));
        Ok(Vec::new())
    }

    /// The noise of all candidates together, with the method for ranges that gives the least.
    fn noise_by_best_range(&self, candidates: &[&Layer], judge: &Judge<'_>) -> Result<f64, EvidenceError> {
        // Between int8 operators ranges matter most; without such, one method is enough.
        let known = if placement(self.model, self.ops, candidates).inner.is_empty() { &METHODS[..1] } else { &METHODS[..] };
        let methods = self.settings.range.map_or(known.to_vec(), |only| vec![only]);
        let mut best: Option<(f64, RangeMethod)> = None;
        for method in methods {
            self.range.set(method);
            let noise = judge.noise(&self.build(candidates)?)?;
            if best.is_none_or(|(least, _)| noise < least) {
                best = Some((noise, method));
            }
        }
        let (noise, method) = best.unwrap_or((0.0, METHODS[0]));
        self.range.set(method);
        Ok(noise)
    }

    /// The noise of each layer alone.
    fn noises(&self, candidates: &[&Layer], judge: &Judge<'_>) -> Result<Vec<f64>, EvidenceError> {
        let whole = placement(self.model, self.ops, candidates);
        let alone: Vec<Placement> = candidates.iter().map(|l| self.alone(l, &whole)).collect();
        let parts: Vec<(&Layer, &Placement)> = candidates.iter().copied().zip(&alone).collect();
        let fitted = self.fitted(&parts)?;
        candidates
            .iter()
            .zip(fitted)
            .zip(&alone)
            .map(|((layer, fitted), alone)| {
                let mut model = self.model.clone();
                apply(&mut model, alone, &[(layer, &fitted)], &BTreeMap::new());
                judge.rough_noise(&model)
            })
            .collect()
    }

    /// The placement of one layer, guarded as it will be beside the others.
    fn alone(&self, layer: &Layer, whole: &Placement) -> Placement {
        let mut alone = placement(self.model, self.ops, &[layer]);
        alone.guarded = whole.guarded.clone();
        alone
    }

    /// The model with these layers in int8.
    fn build(&self, chosen: &[&Layer]) -> Result<Model, EvidenceError> {
        let placement = placement(self.model, self.ops, chosen);
        let parts: Vec<(&Layer, &Placement)> = chosen.iter().map(|l| (*l, &placement)).collect();
        let fitted = self.fitted(&parts)?;
        let layers: Vec<(&Layer, &Fitted)> = chosen.iter().copied().zip(&fitted).collect();
        let inner = placement.inner.iter().filter_map(|v| Some((*v, self.inner(&placement, *v)?))).collect();
        let mut model = self.model.clone();
        apply(&mut model, &placement, &layers, &inner);
        Ok(model)
    }

    /// Scale and zero point of an inner tensor.
    fn inner(&self, placement: &Placement, value: ValueId) -> Option<Affine> {
        match placement.shared.get(&value) {
            Some(Shared::Unit) => Some(Affine::UNIT),
            Some(Shared::With(other)) => self.inner(placement, *other),
            None => {
                let seen = self.statistics.tensor(self.model.name(value))?;
                let (lo, hi) = range(seen, self.range.get());
                Some(Affine::of_range(lo, hi))
            }
        }
    }

    fn fitted(&self, parts: &[(&Layer, &Placement)]) -> Result<Vec<Fitted>, EvidenceError> {
        let inputs: Vec<Input> = parts.iter().map(|(l, p)| self.input(l, p)).collect();
        let known = |layer: &Layer, input: &Input| self.fits.borrow().iter().any(|(node, f)| *node == layer.node && f.input == *input);
        let missing: Vec<Job<'_>> =
            parts.iter().zip(&inputs).map(|((layer, _), input)| Job { layer, input }).filter(|job| !known(job.layer, job.input)).collect();
        let moments: Vec<Option<Gram>> = match self.trials {
            Some(trials) if !missing.is_empty() => {
                gather(trials.runtime, self.model, &missing, trials.samples, trials.fit)?.into_iter().map(Some).collect()
            }
            _ => vec![None; missing.len()],
        };
        for (job, moments) in missing.iter().zip(moments) {
            let (rows, bias) = (job.layer.rows(self.model), job.layer.bias(self.model));
            let fitted = fit(job.layer, &rows, &bias, job.input.clone(), moments.as_ref(), Corrections::of(job.layer));
            self.fits.borrow_mut().push((job.layer.node, fitted));
        }
        let fits = self.fits.borrow();
        let of =
            |layer: &Layer, input: &Input| fits.iter().find(|(node, f)| *node == layer.node && f.input == *input).map(|(_, f)| f.clone());
        let with_output = |((layer, placement), input): (&(&Layer, &Placement), &Input)| {
            let fitted = of(layer, input)?;
            let seen = self.statistics.tensor(self.model.name(layer.output));
            Some(match seen.filter(|_| layer.needs_pair && !placement.inner.contains(&layer.output)) {
                Some(seen) => fitted.with_output(
                    layer,
                    seen,
                    layer.is_conv() && !placement.guarded.outputs.contains(&layer.node),
                    self.settings.margin,
                ),
                None => fitted,
            })
        };
        Ok(parts.iter().zip(&inputs).filter_map(with_output).collect())
    }

    /// How the input of a layer is rounded.
    fn input(&self, layer: &Layer, placement: &Placement) -> Input {
        if placement.inner.contains(&layer.input)
            && let Some(affine) = self.inner(placement, layer.input)
        {
            return Input::tensor(affine);
        }
        let key = (layer.node, placement.guarded.inputs.contains(&layer.node), self.range.get());
        if let Some((_, input)) = self.inputs.borrow().iter().find(|(k, _)| *k == key) {
            return input.clone();
        }
        let input = self.searched(layer, key.1);
        self.inputs.borrow_mut().push((key, input.clone()));
        input
    }

    /// The rounding of an input that is no inner tensor.
    fn searched(&self, layer: &Layer, guarded: bool) -> Input {
        let Some(seen) = self.statistics.tensor(self.model.name(layer.input)) else { return Input::tensor(Affine::of_range(0.0, 0.0)) };
        let rows = layer.rows(self.model);
        let of = |mode, method| Input::of(layer, &rows, seen, mode, self.settings.margin, method);
        let readers = self.model.uses(layer.input).filter(|(node, _)| ["MatMul", "Gemm"].contains(&self.model.node(*node).op.op.as_str()));
        let several = readers.count() > 1;
        match &layer.kind {
            Kind::Conv(_) if !layer.depthwise && !guarded && self.predictor.affords_channels(layer) => {
                of(Mode::Channel, RangeMethod::MinMax)
            }
            Kind::Conv(_) => of(Mode::Tensor, RangeMethod::MinMax),
            Kind::MatMul | Kind::Gemm { .. } if several => of(Mode::Tensor, self.range.get()),
            Kind::MatMul | Kind::Gemm { .. } => {
                let (even, plain) = (of(Mode::Premultiplied, self.range.get()), of(Mode::Tensor, self.range.get()));
                if even.as_ref().zip(plain.as_ref()).is_some_and(|(e, p)| super::input::pays(layer, &rows, seen, e, p)) {
                    even
                } else {
                    plain
                }
            }
        }
        .unwrap_or_else(|| Input::tensor(Affine::of_range(seen.min, seen.max)))
    }
}
