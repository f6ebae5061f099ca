//! The driver of rewrites: finds matches, lets the rewrite add, and does what it alone may do: replace and remove.

use crate::{Context, Edit, Fidelity, Match, Pass, PassError, Pattern, Replacement, Skip, matching, pattern::OpPattern, savings};
use rustc_hash::FxHashSet;
use shrinx_ops::{
    Effects, Fact, Facts,
    ir::{Attribute, Model, Node, NodeId, OpName, Tensor, ValueId},
};
use std::collections::VecDeque;

/// A local change: a pattern, and what takes its place.
pub trait Rewrite: Send + Sync + Sized + 'static {
    /// Its name, verb first: `fuse-batch-norm`.
    fn name(&self) -> &'static str;
    /// One plain sentence.
    fn summary(&self) -> &'static str;
    /// How close the result is to the original.
    fn fidelity(&self) -> Fidelity;
    /// What it looks for. The root must be an operator.
    fn pattern(&self) -> Pattern;
    /// Decides, then builds what takes the place of the root's outputs; or says why not.
    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip>;

    /// The rewrite as a pass over a whole model, bodies and functions included.
    fn pass(self) -> Box<dyn Pass> {
        Box::new(Rewriting(self))
    }
}

/// A rewrite, applied wherever it matches until it matches no more.
pub struct Rewriting<R>(pub R);

impl<R: Rewrite> Pass for Rewriting<R> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn summary(&self) -> &str {
        self.0.summary()
    }

    fn fidelity(&self) -> Fidelity {
        self.0.fidelity()
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        let Pattern::Op(pattern) = self.0.pattern() else { panic!("the root of `{}` is no operator", self.0.name()) };
        check_names(&pattern);
        let mut queue: VecDeque<NodeId> = VecDeque::new();
        for scope in model.scopes() {
            queue.extend(model.nodes_in_order(scope).unwrap_or_default());
        }
        let nodes = queue.len();
        let mut waiting: FxHashSet<NodeId> = queue.iter().copied().collect();
        let mut applied = 0;
        while let Some(node) = queue.pop_front() {
            waiting.remove(&node);
            let Some(touched) = self.at(&pattern, node, model, context)? else { continue };
            applied += 1;
            if applied > 8 * nodes + 64 {
                return Err(PassError::Endless { pass: self.0.name().into(), applied, nodes });
            }
            queue.extend(touched.into_iter().filter(|n| waiting.insert(*n)));
        }
        context.notes.applied(applied);
        Ok(())
    }
}

impl<R: Rewrite> Rewriting<R> {
    /// Applies the rewrite at a node. The nodes to look at again come back, or `None` where it does not apply.
    fn at(
        &self,
        pattern: &OpPattern,
        node: NodeId,
        model: &mut Model,
        context: &mut Context<'_>,
    ) -> Result<Option<Vec<NodeId>>, PassError> {
        if !model.is_alive(node) {
            return Ok(None);
        }
        let Some(found) = matching::find(model, pattern, node) else { return Ok(None) };
        if let Err(skip) = check_match(model, context, &found) {
            context.notes.skip(skip.reason(), || describe(model, node));
            return Ok(None);
        }
        let revision = model.revision();
        let mut edit = Edit::new(model, &mut context.facts, context.ops, node);
        let outcome = self.0.rewrite(&found, &mut edit).and_then(|r| check_outputs(edit.model, node, &r).map(|()| r));
        let (added, values) = (edit.nodes, edit.values);
        match outcome {
            Err(skip) => {
                model.undo(&added, &values, revision);
                context.notes.skip(skip.reason(), || describe(model, node));
                Ok(None)
            }
            Ok(replacement) => {
                if let Err(problem) = check_types(model, context, node, &replacement) {
                    let node = describe(model, node);
                    return Err(PassError::BadReplacement { pass: self.0.name().into(), node, problem });
                }
                Ok(Some(apply(model, context, &found, &replacement, &added)))
            }
        }
    }
}

/// The outputs of a root by port; a rewrite replaces the present ones.
fn check_match(model: &Model, context: &Context<'_>, found: &Match) -> Result<(), Skip> {
    for &node in found.nodes() {
        if context.ops.effects(model, node) != Effects::None {
            return Err(Skip::because("it draws random numbers, or is not known"));
        }
    }
    for &inner in &found.nodes()[1..] {
        if model.node(inner).scope() != model.node(found.root()).scope() {
            return Err(Skip::because("it reaches into another scope"));
        }
        for value in model.outputs(inner).into_iter().flatten() {
            let inside: usize = found.nodes().iter().map(|n| model.inputs(*n).iter().filter(|v| **v == Some(value)).count()).sum();
            if model.use_count(value) != inside {
                return Err(Skip::because("an inner value is used elsewhere"));
            }
        }
    }
    Ok(())
}

/// A node between an input of a scope and an output of it has to stay where it only hands on: both names are public, and an `Identity` in its place would
/// be no gain. A constant may stand for an output, which a node then has to make, where that costs no more than what goes.
fn check_outputs(model: &Model, root: NodeId, replacement: &Replacement) -> Result<(), Skip> {
    let mut cost = 0;
    for (old, new) in model.outputs(root).into_iter().zip(&replacement.0) {
        let Some(old) = old.filter(|old| model.is_output(*old) && !takes_name(model, root, *new)) else { continue };
        let Some(tensor) = model.constant(*new) else { return Err(Skip::because("it stands between an input and an output of the graph")) };
        cost += savings::cost(model, old, tensor);
    }
    if cost > 0 && cost > savings::of_node(model, root) {
        return Err(Skip::because("a constant in the place of the output would be larger"));
    }
    Ok(())
}

/// Whether the producer of `new` can make an output of the root's scope instead: it stands there, and makes no other output.
fn takes_name(model: &Model, root: NodeId, new: ValueId) -> bool {
    let here = |maker: NodeId| model.node(maker).scope() == model.node(root).scope() && maker != root;
    model.producer(new).is_some_and(|(maker, _)| here(maker)) && !model.is_output(new)
}

fn check_types(model: &Model, context: &Context<'_>, root: NodeId, replacement: &Replacement) -> Result<(), String> {
    let outputs = model.outputs(root);
    if replacement.0.len() < outputs.iter().flatten().filter(|v| model.use_count(**v) > 0).count() {
        return Err(format!("has {} values for {} outputs", replacement.0.len(), outputs.len()));
    }
    if replacement.0.iter().enumerate().any(|(k, v)| replacement.0[..k].contains(v)) {
        return Err("names one value twice".into());
    }
    for (old, new) in outputs.iter().zip(&replacement.0) {
        let Some(old) = old else { continue };
        let (old, new): (&Fact, &Fact) = (context.facts.of(*old), context.facts.of(*new));
        if let (Some(a), Some(b)) = (old.dtype, new.dtype)
            && a != b
        {
            return Err(format!("has element type {b} instead of {a}"));
        }
        if let (Some(a), Some(b)) = (&old.shape, &new.shape) {
            let clash = a.len() != b.len() || a.iter().zip(b).any(|(x, y)| matches!((x.known(), y.known()), (Some(x), Some(y)) if x != y));
            if clash {
                let show = |s: &[shrinx_ops::ir::Dim]| s.iter().map(|d| context.facts.symbols.show(d)).collect::<Vec<_>>().join(", ");
                return Err(format!("has shape [{}] instead of [{}]", show(b), show(a)));
            }
        }
    }
    Ok(())
}

/// Puts the replacement in place and marks the match dead. The nodes worth another look come back.
fn apply(model: &mut Model, context: &mut Context<'_>, found: &Match, replacement: &Replacement, added: &[NodeId]) -> Vec<NodeId> {
    let root = found.root();
    let mut touched = added.to_vec();
    let outputs = model.outputs(root);
    for (old, new) in outputs.into_iter().zip(&replacement.0) {
        let Some(old) = old else { continue };
        replace(model, context, root, old, *new, added);
        touched.extend(model.uses(old).map(|(n, _)| n).take(64));
        touched.extend(model.uses(*new).map(|(n, _)| n).take(64));
    }
    // Feeding nodes may match anew once they have fewer readers.
    for value in model.inputs(root).into_iter().flatten() {
        touched.extend(model.producer(value).map(|(n, _)| n));
    }
    for &node in found.nodes() {
        model.kill(node);
    }
    touched.retain(|n| model.is_alive(*n));
    touched
}

/// Lets `new` stand for `old`, which keeps its name where it is an output, or where `new` has none of its own yet.
fn replace(model: &mut Model, context: &mut Context<'_>, root: NodeId, old: ValueId, new: ValueId, added: &[NodeId]) {
    let maker = model.producer(new).map(|(maker, _)| maker);
    let fresh = maker.is_some_and(|m| added.contains(&m));
    if !model.is_output(old) && !fresh {
        model.replace_uses(old, new);
        return;
    }
    if takes_name(model, root, new) {
        model.replace_uses(new, old);
        model.move_producer(new, old);
        let fact = context.facts.of(new).clone();
        context.facts.set(old, fact);
    } else if let Some(tensor) = model.constant(new).cloned() {
        set_constant(model, &mut context.facts, old, tensor);
        model.drop_initializer(new);
    } else {
        unreachable!("a value that cannot take the output's name was refused before");
    }
}

/// Lets a value that a node makes be a constant instead: stored, or made by a `Constant` where it is an output, which a node has to make.
pub fn set_constant(model: &mut Model, facts: &mut Facts, value: ValueId, tensor: Tensor) {
    facts.set(value, Fact::of_tensor(&tensor));
    match model.producer(value) {
        Some((maker, _)) if model.is_output(value) => {
            let place = model.node(maker).order();
            model.remake(value, place, Node::new(OpName::onnx("Constant"), vec![Attribute::new("value", tensor)]), &[]);
        }
        made => {
            model.store(value, tensor);
            if let Some((maker, _)) = made.filter(|(maker, _)| model.outputs(*maker).iter().all(Option::is_none)) {
                model.kill(maker);
            }
        }
    }
}

fn check_names(pattern: &OpPattern) {
    let mut names = Vec::new();
    Pattern::Op(pattern.clone()).names(&mut names);
    debug_assert!(!names.contains(&""), "a pattern binds an empty name");
}

/// A node as messages name it.
pub fn describe(model: &Model, node: NodeId) -> String {
    let node = model.node(node);
    match node.name.as_deref() {
        Some(name) if !name.is_empty() => format!("`{name}` ({})", node.op),
        _ => format!("({})", node.op),
    }
}
