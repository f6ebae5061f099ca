//! Convolutions and pools: rten wants every attribute spelled out, and knows `SAME_UPPER` alone.

use super::{adapt::Adapter, site::Site};
use shrinx_ops::ir::{Attribute, Dim};

/// Number of spatial axes of a convolution or pool.
pub(super) fn axes(site: &Site<'_>) -> Option<usize> {
    let kernel = site.call.ints("kernel_shape").map(<[i64]>::len);
    let pool = site.call.node.op.op.ends_with("Pool");
    let weight = if pool { None } else { site.rank(1) };
    kernel.or_else(|| weight.or(site.rank(0))?.checked_sub(2))
}

/// Spells out the attributes of a convolution.
pub(super) fn convolution(adapter: &mut Adapter<'_>) {
    let Some(axes) = axes(adapter.site) else { return };
    fill(adapter, "dilations", axes);
    pool_of(adapter, axes);
}

/// Spells out the attributes of a pool.
pub(super) fn pool(adapter: &mut Adapter<'_>) {
    if let Some(axes) = axes(adapter.site) {
        pool_of(adapter, axes);
    }
}

fn pool_of(adapter: &mut Adapter<'_>, axes: usize) {
    fill(adapter, "strides", axes);
    let pads = if is_lower(adapter.site) { lower_pads(adapter.site) } else { None };
    if let Some(pads) = pads {
        adapter.unset("auto_pad");
        adapter.set(Attribute::new("pads", pads));
    } else if adapter.site.call.ints("pads").is_none() {
        adapter.set(Attribute::new("pads", vec![0i64; 2 * axes]));
    }
}

fn fill(adapter: &mut Adapter<'_>, name: &str, axes: usize) {
    if adapter.site.call.ints(name).is_none() {
        adapter.set(Attribute::new(name, vec![1i64; axes]));
    }
}

/// Whether the odd one of the pads goes first.
pub(super) fn is_lower(site: &Site<'_>) -> bool {
    site.string("auto_pad", "NOTSET") == "SAME_LOWER"
}

/// The pads that `SAME_LOWER` stands for: before all axes, then behind. `None` where they depend on lengths that are not known.
pub(super) fn lower_pads(site: &Site<'_>) -> Option<Vec<i64>> {
    let axes = axes(site)?;
    let kernel = match site.call.ints("kernel_shape") {
        Some(kernel) => kernel.to_vec(),
        None => site.shape(1)?.get(2..)?.iter().map(Dim::known).collect::<Option<Vec<i64>>>()?,
    };
    let of = |name: &str, k: usize| site.call.ints(name).map_or(Some(1), |i| i.get(k).copied());
    let lengths = site.shape(0).and_then(|s| s.get(2..));
    let mut totals = Vec::with_capacity(axes);
    for k in 0..axes {
        let reach = kernel.get(k)?.checked_sub(1)?.checked_mul(of("dilations", k)?)?.checked_add(1)?;
        let stride = of("strides", k)?;
        let total = if stride == 1 {
            reach.checked_sub(1)?
        } else {
            let length = lengths?.get(k)?.known()?;
            let steps = length.checked_add(stride.checked_sub(1)?)?.checked_div(stride)?;
            steps.checked_sub(1)?.checked_mul(stride)?.checked_add(reach)?.checked_sub(length)?
        };
        totals.push(total.max(0));
    }
    Some(totals.iter().map(|t| t - t / 2).chain(totals.iter().map(|t| t / 2)).collect())
}
