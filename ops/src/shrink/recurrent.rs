//! Recurrent layers: the attribute `hidden_size`.

use super::{Port, Shrink, Unfit};

pub(crate) fn recurrent(cx: &mut Shrink<'_>) -> Result<(), Unfit> {
    if !cx.lost(Port::In(2), 2).is_empty() && cx.call().int("hidden_size").is_some() {
        let hidden = cx.remaining(Port::In(2), 2)?;
        cx.set_attribute("hidden_size", hidden as i64);
    }
    Ok(())
}
