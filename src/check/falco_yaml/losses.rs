//! Settings by which fewer alerts arrive, later, or with less than they could have.

use super::settings::{FalcoSettings, SET_TO_TRUE};
use crate::error::Problem;

/// Parts that Falco leaves out of its JSON.
pub(super) fn properties(settings: &FalcoSettings) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, what) in [
        ("json_include_output_fields_property", "output fields"),
        ("json_include_tags_property", "tags"),
        ("json_include_output_property", "output"),
    ] {
        if settings.is_on(key, true) == Some(false) {
            let file = settings.file(key).display();
            let problem = format!("{file}: {key} is false, so that alerts have no {what}");
            problems.push((problem, SET_TO_TRUE).into());
        }
    }
    problems
}

/// Alerts that Falco drops or never makes.
pub(in crate::check) fn dropped(settings: &FalcoSettings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let number = |path| {
        let setting = settings.setting(path)?;
        setting.known()?.parse::<f64>().ok().filter(|it| *it > 0.0)
    };
    if let Some(capacity) = number("outputs_queue.capacity") {
        let file = settings.file("outputs_queue").display();
        let problem = format!(
            "{file}: outputs_queue.capacity is {capacity}, beyond which Falco drops alerts while an \
             output is slow"
        );
        let remedy = "set it to 0, which has no limit, where memory allows it";
        problems.push((problem, remedy).into());
    }
    if let Some(rate) = number("outputs.rate") {
        let file = settings.file("outputs").display();
        let burst = number("outputs.max_burst").unwrap_or(1000.0);
        let problem = format!(
            "{file}: outputs.rate is {rate}, so that a Falco before 0.36 drops alerts beyond \
             {burst} and {rate} more each second"
        );
        problems.push((problem, "set it to 0, which has no limit").into());
    }
    let priority = settings.setting("priority");
    let priority = priority.as_ref().and_then(|setting| setting.known());
    if let Some(priority) = priority.filter(|text| !text.is_empty() && !is_lowest(text)) {
        let file = settings.file("priority").display();
        let problem = format!(
            "{file}: priority is {priority}, so that rules of a lower priority make no alerts"
        );
        problems.push((problem, "set it to debug, if they are wanted").into());
    }
    problems
}

fn is_lowest(priority: &str) -> bool {
    priority.eq_ignore_ascii_case("debug")
}
