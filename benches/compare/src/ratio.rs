//! What one reader is compared with another, round by round: both had the same machine then.

use crate::process::Said;
use crate::rounds::{Row, Spread};

/// Half of the rounds lie within this share of the median, or more rounds are needed.
const BOUND: f64 = 0.1;

/// What has to be certain: a reader of this crate, and what it is compared with.
const COMPARED: [(&str, &str); 5] = [
    ("iterator", "tonic, current-thread"),
    ("stream, futures::executor", "tonic, current-thread"),
    ("callback", "tonic, current-thread"),
    ("iterator, Falco JSON", "tonic, Falco JSON"),
    ("iterator", "callback"),
];

pub struct Ratio {
    pub reader: &'static str,
    pub base: &'static str,
    pub rate: Measure,
    pub cpu: Measure,
}

/// Of one ratio, over all rounds.
pub struct Measure {
    pub spread: Spread,
    /// The distance between the quartiles, as a share of the median.
    pub width: f64,
}

impl Measure {
    fn of(mut ratios: Vec<f64>) -> Measure {
        ratios.sort_by(f64::total_cmp);
        let last = ratios.len() - 1;
        let spread = Spread(ratios[0], ratios[ratios.len() / 2], ratios[last]);
        let width = (ratios[last - ratios.len() / 4] - ratios[ratios.len() / 4]) / spread.1;
        Measure { spread, width }
    }
}

impl Ratio {
    /// Those that the rows tell.
    pub fn all(rows: &[Row]) -> Vec<Ratio> {
        let find = |name| rows.iter().find(|row| row.reader.name == name);
        let ratio = |(reader, base)| {
            let (row, other) = (find(reader)?, find(base)?);
            let measure = |of: fn(&Said) -> f64| {
                let rounds = row.runs.iter().zip(&other.runs);
                Measure::of(rounds.map(|(run, other)| of(run) / of(other)).collect())
            };
            Some(Ratio {
                reader,
                base,
                rate: measure(|run| run.alerts / run.seconds),
                cpu: measure(|run| run.cpu / run.alerts),
            })
        };
        COMPARED.into_iter().filter_map(ratio).collect()
    }

    pub fn is_settled(&self) -> bool {
        self.rate.width.max(self.cpu.width) <= BOUND
    }

    pub fn print(&self) {
        let Ratio { reader, base, .. } = self;
        let [rate, cpu] = [&self.rate, &self.cpu].map(|of| {
            let Spread(least, median, most) = of.spread;
            format!("{median:.2} × | {least:.2} to {most:.2}")
        });
        let settled = match self.is_settled() {
            true => "yes".to_owned(),
            false => format!(
                "no: half of the rounds differ by {:.0} %",
                self.rate.width.max(self.cpu.width) * 100.0
            ),
        };
        println!("| {reader} | {base} | {rate} | {cpu} | {settled} |");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_round_that_is_disturbed_unsettles_nothing() {
        let measure = Measure::of(vec![1.0, 1.02, 0.99, 1.01, 3.0]);
        assert_eq!(measure.spread.1, 1.01);
        assert!(measure.width <= BOUND, "{}", measure.width);
        assert!(Measure::of(vec![1.0, 1.4, 0.7, 1.3, 0.9]).width > BOUND);
    }
}
