//! Bounds on how far two models may differ, as `sqnr>=30`.

use super::{Comparison, Measures};
use std::{fmt, str::FromStr};

/// A bound that every output must keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    measure: Measure,
    limit: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Sqnr,
    Cosine,
    Argmax,
    Equal,
    MaxAbs,
}

impl Measure {
    const ALL: [Self; 5] = [Self::Sqnr, Self::Cosine, Self::Argmax, Self::Equal, Self::MaxAbs];

    fn name(self) -> &'static str {
        match self {
            Self::Sqnr => "sqnr",
            Self::Cosine => "cosine",
            Self::Argmax => "argmax",
            Self::Equal => "equal",
            Self::MaxAbs => "maxabs",
        }
    }

    /// Of the others, more is better.
    fn is_ceiling(self) -> bool {
        self == Self::MaxAbs
    }

    fn of(self, measures: &Measures) -> Option<f64> {
        match self {
            Self::Sqnr => measures.sqnr,
            Self::Cosine => measures.cosine,
            Self::Argmax => measures.argmax,
            Self::Equal => (measures.elements > 0).then_some(measures.equal),
            Self::MaxAbs => measures.max_abs,
        }
    }
}

impl Budget {
    /// Which outputs miss it, and by how much; also an output that could not be compared, and a bound on what no output has.
    pub fn missed(&self, comparison: &Comparison) -> Vec<String> {
        let name = self.measure.name();
        let measured: Vec<(&str, f64)> =
            comparison.outputs.iter().filter_map(|o| Some((o.name.as_str(), self.measure.of(&o.measures)?))).collect();
        if measured.is_empty() {
            return vec![format!("{self}: no output has {name}")];
        }
        let missing = |value: f64| if self.measure.is_ceiling() { value - self.limit } else { self.limit - value };
        let said = |(output, value): &(&str, f64)| format!("{self}: output `{output}` has {value:.6}, off by {:.6}", missing(*value));
        // A comparison with NaN is false: what is not known to keep the bound misses it.
        measured.iter().filter(|(_, value)| !matches!(missing(*value).partial_cmp(&0.0), Some(o) if o.is_le())).map(said).collect()
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Measure::ALL.map(|m| format!("{}{}", m.name(), if m.is_ceiling() { "<=" } else { ">=" })).join(", ");
        let wrong = || format!("`{text}` is no budget: it is one of {names} and a number");
        let at = text.find(['<', '>']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        let measure = Measure::ALL.into_iter().find(|m| m.name() == name.trim()).ok_or_else(wrong)?;
        let number = rest.strip_prefix(if measure.is_ceiling() { "<=" } else { ">=" }).ok_or_else(wrong)?;
        let limit = number.trim().parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(wrong)?;
        Ok(Self { measure, limit })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.measure.name(), if self.measure.is_ceiling() { "<=" } else { ">=" }, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Agreement;

    fn comparison(sqnr: Option<f64>, max_abs: Option<f64>) -> Comparison {
        let measures = Measures { elements: 1, sqnr, max_abs, ..Measures::default() };
        Comparison { outputs: vec![Agreement { name: "y".into(), measures, problem: None }], ..Comparison::default() }
    }

    #[test]
    fn says_what_is_missed_and_by_how_much() {
        let seen = comparison(Some(28.5), Some(0.25));
        let missed = |budget: &str| budget.parse::<Budget>().unwrap().missed(&seen);
        assert_eq!(missed("sqnr>=30"), ["sqnr>=30: output `y` has 28.500000, off by 1.500000"]);
        assert_eq!(missed("sqnr >= 28.5"), [""; 0]);
        assert_eq!(missed("maxabs<=0.1"), ["maxabs<=0.1: output `y` has 0.250000, off by 0.150000"]);
        assert_eq!(missed("argmax>=0.9"), ["argmax>=0.9: no output has argmax"]);
        assert_eq!("sqnr>=30".parse::<Budget>().unwrap().missed(&comparison(Some(f64::NAN), None)).len(), 1);
    }

    #[test]
    fn what_is_no_budget_is_refused() {
        for text in ["", "sqnr", "sqnr<=30", "sqnr=30", "maxabs>=1", "psnr>=30", "sqnr>=x", "sqnr>=inf", ">=3"] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }
}
