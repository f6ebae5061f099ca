//! "Did you mean".

/// Up to three names near to `name`, nearest first.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<(usize, &str)> = names.map(|n| (strsim::damerau_levenshtein(name, n), n)).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().filter(|(distance, n)| *distance <= n.len().max(name.len()) / 3 + 1).take(3).map(|(_, n)| n.to_string()).collect()
}
