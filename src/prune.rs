//! Pruning from end to end: clean the model up, find what can go, plan, cut, and prove the cut.

mod show;

pub use show::obstacles_to_text;

use crate::{
    Pipeline, PipelineError, PipelineOptions, Verify,
    exclude::Exclude,
    report::{CheckReport, Failure},
    summary::Summary,
};
use shrinx_passes::prune::{
    self as pass, Costs, Curve, CutError, Goal, Groups, Importance, Kept, Measure, Plan, Ranking, Room, Rules, plan::ReplayError,
};
use shrinx_rewrite::{
    Registry,
    check::Check,
    ir::{Coded, ErrorKind, Model, coded_by},
    ops::{
        Facts, OpTable, Runtime,
        costs::{CostTable, SAMPLE_LENGTH},
        label,
    },
};

/// What pruning is to do.
pub struct PruneOptions<'a> {
    /// How much is kept, of what.
    pub asked: Asked,
    /// By what units are judged.
    pub importance: Importance,
    /// Widths are multiples of this.
    pub round_to: usize,
    /// No width goes below this.
    pub min_channels: usize,
    /// Layers that keep their weights as they are.
    pub exclude: Exclude,
    /// Layers, and the least share of their channels that they keep.
    pub limits: Vec<(Exclude, f64)>,
    /// Kernel costs of the machine that the model is for.
    pub costs: &'a CostTable,
    /// Runs the model to prove the cut; without one nothing is run.
    pub runtime: Option<&'a dyn Runtime>,
    /// Whether the model is cut even where the goal cannot be reached.
    pub keep_going: bool,
    /// Whether it is planned only.
    pub plan_only: bool,
}

/// How much is to be kept.
#[derive(Clone, Debug)]
pub enum Asked {
    /// This share of the units of each group.
    Keep(f64),
    /// So many units that the model costs no more than this share of the original.
    Target(Measure, f64),
    /// What a plan says.
    Replay(Box<Plan>),
}

/// What was done.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PruneReport {
    /// Version of this structure.
    pub schema_version: u32,
    /// The model as it came.
    pub before: Summary,
    /// The result.
    pub after: Summary,
    /// The decisions about groups.
    pub plan: Plan,
    /// Whether the cut model computes what the original computes with zeros in the place of what went.
    pub proof: CheckReport,
    /// Bytes of the files before and after, external data included.
    pub file_bytes: Option<(u64, u64)>,
    /// Patterns of `--exclude` and `--limit` that matched nothing.
    pub unmatched: Vec<String>,
    /// Groups without a `BatchNormalization`, where its scale was to judge.
    pub without_gamma: usize,
    /// Clean-up passes that were undone.
    pub failures: Vec<Failure>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The registry lacks a pass.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The plan is of another model.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// An operator cannot follow.
    #[error(transparent)]
    Cut(#[from] CutError),
    /// The cut model computes something else.
    #[error(transparent)]
    Wrong(#[from] WrongCut),
}

coded_by!(PruneError { Self::Pipeline(e) => e, Self::Replay(e) => e, Self::Cut(e) => e, Self::Wrong(e) => e });

/// A cut model that computes something else than the masked original.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the cut is wrong: {0}")]
pub struct WrongCut(Check);

impl Coded for WrongCut {
    fn code(&self) -> &'static str {
        "E0814"
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Bug
    }

    fn help(&self) -> Option<String> {
        Some("please report it, with the model if you can; --exclude spares the layers concerned".into())
    }
}

/// A model that is ready for pruning.
struct Teacher {
    model: Model,
    before: Summary,
    failures: Vec<Failure>,
}

impl Teacher {
    /// The model after the clean-up passes. Where the scales of `BatchNormalization` are to judge, they are not folded yet.
    fn of(registry: &Registry, model: Model, gamma: bool, runtime: Option<&dyn Runtime>) -> Result<Self, PipelineError> {
        let skip = if gamma { vec!["fuse-batch-norm".into()] } else { Vec::new() };
        let verify = if runtime.is_some() { Verify::End } else { Verify::Off };
        let options = PipelineOptions { skip, verify, runtime, ..PipelineOptions::default() };
        let mut outcome = Pipeline::new(registry, &options)?.run(model);
        pass::unshare(&mut outcome.model);
        Ok(Self { model: outcome.model, before: outcome.report.before, failures: outcome.report.failures })
    }
}

/// Prunes a model. There is none where the plan alone was asked for, or its goal cannot be reached.
pub fn prune(registry: &Registry, model: Model, options: &PruneOptions<'_>) -> Result<(Option<Model>, PruneReport), PruneError> {
    let gamma = options.importance == Importance::Gamma;
    let teacher = Teacher::of(registry, model, gamma, options.runtime)?;
    let (model, ops) = (&teacher.model, OpTable::standard());
    let facts = Facts::infer(model, &ops);
    let groups = Groups::discover(model, &facts, &ops);
    let costs = Costs::new(model, &facts, &ops, &groups, options.costs);
    let rooms = rooms(model, &groups, options);
    let plan = planned(model, &groups, &costs, &rooms, &teacher.before, options)?;
    let mut report = PruneReport {
        schema_version: 1,
        after: teacher.before.clone(),
        before: teacher.before,
        proof: Check::Off.into(),
        file_bytes: None,
        unmatched: unmatched(&rooms, options),
        without_gamma: if gamma { groups.groups.iter().filter(|g| !pass::importance::has_gamma(model, g)).count() } else { 0 },
        failures: teacher.failures,
        plan,
    };
    if options.plan_only || report.plan.missed.is_some() && !options.keep_going {
        return Ok((None, report));
    }
    let kept = Kept::of(&groups, &report.plan.removal());
    let mut cut = model.clone();
    pass::cut(&mut cut, &ops, &kept)?;
    let cut = tidied(registry, cut, gamma)?;
    if options.runtime.is_some() {
        let check = pass::prove(model, &ops, &kept, &cut, options.runtime);
        if matches!(check, Check::Differs { .. }) {
            return Err(WrongCut(check).into());
        }
        report.proof = check.into();
    }
    report.after = Summary::of(&cut, &ops);
    Ok((Some(cut), report))
}

/// A node that needs axes of weights whole, or the model's interface.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Obstacle {
    /// The node; `None` for the interface.
    pub node: Option<String>,
    /// Its operator.
    pub op: Option<String>,
    /// What it needs them for.
    pub reason: String,
    /// The weights, and their axes.
    pub axes: Vec<(String, usize)>,
    /// Elements of these weights.
    pub params: u64,
    /// Multiply-accumulates of the nodes that read them.
    pub macs: u64,
}

/// What keeps axes of a model whole, the one that holds most first.
pub fn explain(registry: &Registry, model: Model) -> Result<Vec<Obstacle>, PipelineError> {
    let (model, ops) = (Teacher::of(registry, model, false, None)?.model, OpTable::standard());
    let facts = Facts::infer(&model, &ops);
    let groups = Groups::discover(&model, &facts, &ops);
    let named = |o: pass::Obstacle| Obstacle {
        node: o.node.map(|n| label(&model, n)),
        op: o.node.map(|n| model.node(n).op.to_string()),
        reason: o.reason.into_owned(),
        axes: o.axes.into_iter().map(|(value, axis)| (model.name(value).to_string(), axis)).collect(),
        params: o.params,
        macs: o.macs,
    };
    Ok(pass::explain(&groups, &model, &facts, &ops, SAMPLE_LENGTH).into_iter().map(named).collect())
}

fn rooms(model: &Model, groups: &Groups, options: &PruneOptions<'_>) -> Vec<Room> {
    let limit = |name: &str, op: &str| {
        let matching = options.limits.iter().filter(|(pattern, _)| pattern.matches(name, op));
        matching.map(|(_, share)| *share).fold(0.0, f64::max)
    };
    let rules = Rules {
        round_to: options.round_to,
        min_channels: options.min_channels,
        excluded: &|name, op| options.exclude.matches(name, op),
        limit: &limit,
    };
    Room::of_all(model, groups, &rules)
}

fn unmatched(rooms: &[Room], options: &PruneOptions<'_>) -> Vec<String> {
    let layers: Vec<(String, String)> = rooms.iter().flat_map(|r| r.layers.iter().cloned()).collect();
    let limits = options.limits.iter().map(|(pattern, _)| pattern);
    std::iter::once(&options.exclude).chain(limits).flat_map(|pattern| pattern.unmatched(&layers)).collect()
}

/// Levels of a group at which its loss is looked at.
const LEVELS: usize = 24;

fn planned(
    model: &Model,
    groups: &Groups,
    costs: &Costs<'_>,
    rooms: &[Room],
    original: &Summary,
    options: &PruneOptions<'_>,
) -> Result<Plan, ReplayError> {
    let goal = match &options.asked {
        Asked::Replay(plan) => return plan.replayed(groups, costs),
        Asked::Keep(share) => Goal::Keep(*share),
        Asked::Target(measure, share) => Goal::Target { measure: *measure, share: *share, base: base(*measure, original, costs) },
    };
    let rankings: Vec<Ranking> = groups.groups.iter().map(|g| pass::rank(model, g, options.importance)).collect();
    let curve = |(room, ranking): (&Room, &Ranking)| Curve::new(&room.levels(LEVELS), |kept| ranking.loss_at(kept));
    let curves: Vec<Curve> = rooms.iter().zip(&rankings).map(curve).collect();
    let plan = Plan::choose(groups, costs, rooms, &rankings, &curves, goal);
    Ok(Plan { importance: options.importance.name().into(), ..plan })
}

/// What the original costs, so that what clean-up saves counts.
fn base(measure: Measure, original: &Summary, costs: &Costs<'_>) -> f64 {
    let cleaned = costs.total(measure, costs.units());
    match measure {
        Measure::Macs => original.macs_sample.map_or(cleaned, |n| n as f64),
        Measure::Params => original.params as f64,
        Measure::Bytes => original.bytes.values().sum::<u64>() as f64,
        Measure::Latency => cleaned,
    }
}

/// Without what nobody reads any more; with scales of `BatchNormalization` folded, where they were needed until now.
fn tidied(registry: &Registry, model: Model, gamma: bool) -> Result<Model, PipelineError> {
    let last = ["eliminate-dead", "fuse-batch-norm", "eliminate-dead"];
    let passes = last[..if gamma { 3 } else { 1 }].iter().map(ToString::to_string).collect();
    let options = PipelineOptions { passes, verify: Verify::Off, ..PipelineOptions::default() };
    Ok(Pipeline::new(registry, &options)?.run(model).model)
}
