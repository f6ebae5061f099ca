//! The names of a model's values: which are taken, and how often.

use crate::model::Model;
use rustc_hash::FxHashMap;

/// Names that are taken, made when first asked for. Names that were given stay taken until the next compaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// How many values have a name; 0 where one is about to.
    count: FxHashMap<String, u32>,
    /// The last number tried behind a stem: those before it are taken.
    tried: FxHashMap<String, u32>,
}

impl Names {
    pub(crate) fn add(&mut self, name: &str) {
        match self.count.get_mut(name) {
            Some(count) => *count += 1,
            None => _ = self.count.insert(name.into(), 1),
        }
    }

    /// One value has the name no more.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(count) = self.count.get_mut(name) {
            *count = count.saturating_sub(1);
        }
    }

    /// Whether more than one value has the name.
    pub(crate) fn is_shared(&self, name: &str) -> bool {
        self.count.get(name).is_some_and(|n| *n > 1)
    }

    /// Takes a name that is free, made from `hint`.
    pub(crate) fn fresh(&mut self, hint: &str) -> String {
        let mut name = hint.to_string();
        if name.is_empty() || self.count.contains_key(&name) {
            // `w_1` is made into `w_2`, not `w_1_1`.
            let numbered = |(s, n): &(&str, &str)| !s.is_empty() && n.len() < 6 && n.bytes().all(|b| b.is_ascii_digit());
            let stem = hint.rsplit_once('_').filter(numbered).map_or(hint, |(s, _)| s);
            let tried = self.tried.entry(stem.into()).or_default();
            while name.is_empty() || self.count.contains_key(&name) {
                *tried += 1;
                name = format!("{stem}_{tried}");
            }
        }
        self.count.insert(name.clone(), 0);
        name
    }
}

impl Model {
    /// The names that are taken. Linear when first asked after a compaction.
    pub(crate) fn index_names(&mut self) -> &mut Names {
        if self.names.is_none() {
            let mut names = Names::default();
            for value in self.values() {
                names.add(self.name(value));
            }
            self.names = Some(names);
        }
        self.names.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_behind_a_stem() {
        let mut names = Names::default();
        for name in ["w", "w_2", "v_x"] {
            names.add(name);
        }
        assert_eq!(["w", "w", "w_1", "v_x", "", "u"].map(|hint| names.fresh(hint)), ["w_1", "w_3", "w_4", "v_x_1", "_1", "u"]);
    }

    #[test]
    fn a_name_is_shared_while_two_values_have_it() {
        let mut names = Names::default();
        names.add("w");
        assert!(!names.is_shared("w"));
        names.add("w");
        assert!(names.is_shared("w"));
        names.remove("w");
        assert!(!names.is_shared("w") && names.fresh("w") == "w_1");
    }
}
