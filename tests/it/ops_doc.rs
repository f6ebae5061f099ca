//! `docs/ops.md` shows which cells of the operator table are filled; this test keeps it true. `SHRINX_UPDATE_DOCS=1 cargo test --test it ops_doc` writes it.

use shrinx::ops::{Effects, Int8, OpTable};
use std::fmt::Write;

fn page() -> String {
    let mut page = String::from(
        "# Operators\n\nGenerated from the operator table: which cells are filled. Every operator that is not here is opaque: it is kept as it is.\n\n\
         | operator | since | folds | MACs | effects | commutes | int8 | upgrades |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in OpTable::standard().rows() {
        let name = if row.domain.is_empty() { row.op.to_string() } else { format!("{}.{}", row.domain, row.op) };
        let tick = |there: bool| if there { "yes" } else { "" };
        let effects = match (row.effects, row.spared.is_some()) {
            (Effects::None, _) => "",
            (Effects::Random, false) => "random",
            (Effects::Random, true) => "random in training",
            (Effects::Unknown, _) => "unknown",
        };
        let int8 = match row.quant.int8 {
            Int8::None if row.quant.absorbed.is_some() => "absorbed",
            Int8::None => "",
            Int8::Heavy => "layer",
            Int8::HeavyInFloat => "layer, in float",
            Int8::Computes => "computes",
            Int8::Joins => "joins",
            Int8::Moves => "moves",
            Int8::Unit => "0 to 1",
        };
        let cells = [tick(row.fold.is_some()), tick(row.macs.is_some()), effects, tick(row.commutative), int8, tick(row.upgrade.is_some())];
        let _ = writeln!(page, "| {name} | {} | {} |", row.since, cells.join(" | "));
    }
    page
}

#[test]
fn the_page_of_operators_is_true() {
    let path = crate::support::root().join("docs/ops.md");
    if std::env::var_os("SHRINX_UPDATE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == page(),
        "docs/ops.md is stale: SHRINX_UPDATE_DOCS=1 cargo test --test it ops_doc"
    );
}
