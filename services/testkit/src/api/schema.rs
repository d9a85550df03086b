//! What two schemas accept, as far as clients notice: what they send must still be taken, and what they get must still be
//! what they know.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{array, object};

/// Who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The client: what was taken must be taken.
    Request,
    /// The service: nothing may come that couldn't come before.
    Answer,
}

/// Two documents, for their references.
pub struct Schemas<'a> {
    pub published: &'a Value,
    pub now: &'a Value,
}

/// One place in a pair of schemas.
struct Place<'a> {
    direction: Direction,
    pointer: &'a str,
    /// The schema that this place is in, and the place of that.
    within: Option<(&'a Value, &'a Place<'a>)>,
}

impl Schemas<'_> {
    /// What breaks, as the ends of sentences that begin with what the schemas are of.
    pub fn breaks(&self, direction: Direction, before: &Value, now: &Value) -> Vec<String> {
        self.compare(&Place { direction, pointer: "", within: None }, before, now)
    }

    fn compare(&self, place: &Place, before: &Value, now: &Value) -> Vec<String> {
        let (before, now) = (alternatives(self.published, before), alternatives(self.now, now));
        if let ([before], [now]) = (before.as_slice(), now.as_slice()) {
            return self.compare_one(place, before, now);
        }
        // each that could come before has to find one that takes it
        let (from, into, word) = match place.direction {
            Direction::Request => (&before, &now, "can't be one of its kinds any more"),
            Direction::Answer => (&now, &before, "can be of a new kind now"),
        };
        let fits = |one: &Value, other: &Value| match place.direction {
            Direction::Request => self.compare_one(place, one, other).is_empty(),
            Direction::Answer => self.compare_one(place, other, one).is_empty(),
        };
        let lost: Vec<_> = from.iter().filter(|one| !into.iter().any(|other| fits(one, other))).collect();
        let new: Vec<_> = into.iter().filter(|other| !from.iter().any(|one| fits(one, other))).collect();
        match (lost.as_slice(), new.as_slice(), place.direction) {
            ([], ..) => Vec::new(),
            ([before], [now], Direction::Request) | ([now], [before], Direction::Answer) => {
                self.compare_one(place, before, now)
            }
            _ => vec![format!("{} {word}", place.pointer)],
        }
    }

    fn compare_one(&self, place: &Place, before: &Value, now: &Value) -> Vec<String> {
        let mut breaks = Vec::new();
        if place.is_inside(before) {
            return breaks;
        }
        let mut say = |what: String| breaks.push(format!("{} {what}", place.pointer));
        for key in ["type", "enum"] {
            let (before, now) = (words(before, key), words(now, key));
            let (from, into) = match place.direction {
                Direction::Request => (&before, &now),
                Direction::Answer => (&now, &before),
            };
            // nothing said is anything
            let fits = match (from, into) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(from), Some(into)) => from.is_subset(into),
            };
            if !fits {
                say(format!(
                    "has another {key}: {} instead of {}",
                    list(now.as_ref()),
                    list(before.as_ref())
                ));
            }
        }
        for key in ["format", "pattern"] {
            let (before, now) = (before.get(key), now.get(key));
            let matters = match place.direction {
                Direction::Request => now.is_some() && now != before,
                Direction::Answer => key == "format" && before.is_some() && now != before,
            };
            if matters {
                say(format!("has another {key}"));
            }
        }
        if place.direction == Direction::Request {
            for (key, tighter) in BOUNDS {
                let number = |schema: &Value| schema.get(key).and_then(Value::as_f64);
                if let Some(limit) = number(now)
                    && number(before).is_none_or(|past| tighter(limit, past))
                {
                    say(format!("is bound more tightly: {key} {limit}"));
                }
            }
        }
        breaks.extend(self.compare_fields(place, before, now));
        for key in ["items", "additionalProperties"] {
            let (whole, pair) = (before, (before.get(key), now.get(key)));
            if let (Some(before @ Value::Object(_)), Some(now @ Value::Object(_))) = pair {
                breaks.extend(self.compare(&place.of(&format!("{}/*", place.pointer), whole), before, now));
            }
        }
        breaks
    }

    fn compare_fields(&self, place: &Place, before: &Value, now: &Value) -> Vec<String> {
        let mut breaks = Vec::new();
        let (fields, present) = (object(before, "properties"), object(now, "properties"));
        for (name, field) in fields {
            let pointer = format!("{}/{name}", place.pointer);
            match present.get(name) {
                Some(same) => breaks.extend(self.compare(&place.of(&pointer, before), field, same)),
                None => breaks.push(format!("{pointer} is gone")),
            }
        }
        let required = |schema: &Value| words(schema, "required").unwrap_or_default();
        let (word, changed) = match place.direction {
            Direction::Request => ("is wanted now", &required(now) - &required(before)),
            Direction::Answer => ("may be left out now", &required(before) - &required(now)),
        };
        // what is gone has been said
        let still_there = |name: &&String| present.contains_key(name.as_str());
        breaks.extend(
            changed.iter().filter(still_there).map(|name| format!("{}/{name} {word}", place.pointer)),
        );
        breaks
    }
}

impl Place<'_> {
    /// A place in `schema`, which is here.
    fn of<'a>(&'a self, pointer: &'a str, schema: &'a Value) -> Place<'a> {
        Place { direction: self.direction, pointer, within: Some((schema, self)) }
    }

    /// Whether this is in such a schema already: references can lead back.
    fn is_inside(&self, schema: &Value) -> bool {
        self.within.is_some_and(|(outer, place)| outer == schema || place.is_inside(schema))
    }
}

type Tighter = fn(f64, f64) -> bool;

const BOUNDS: [(&str, Tighter); 8] = [
    ("maximum", |now, before| now < before),
    ("maxLength", |now, before| now < before),
    ("maxItems", |now, before| now < before),
    ("maxProperties", |now, before| now < before),
    ("minimum", |now, before| now > before),
    ("minLength", |now, before| now > before),
    ("minItems", |now, before| now > before),
    ("minProperties", |now, before| now > before),
];

/// The schemas of which one has to hold, with references followed and parts put together.
fn alternatives(document: &Value, schema: &Value) -> Vec<Value> {
    let schema = resolve(document, schema);
    match ["oneOf", "anyOf"].iter().find_map(|key| schema.get(key)?.as_array()) {
        Some(kinds) => kinds.iter().flat_map(|kind| alternatives(document, kind)).collect(),
        None => vec![whole(document, schema)],
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
    let target = document.pointer(reference.trim_start_matches('#'));
    target.unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

/// A schema with the fields of all that it is made of.
fn whole(document: &Value, schema: &Value) -> Value {
    let mut whole = schema.clone();
    for part in array(schema, "allOf") {
        let part = resolve(document, part);
        for (key, value) in part.as_object().into_iter().flatten() {
            let fields: &mut Map<_, _> = whole.as_object_mut().expect("an object");
            match (fields.get_mut(key), value) {
                (Some(Value::Object(own)), Value::Object(more)) => own.extend(more.clone()),
                (Some(Value::Array(own)), Value::Array(more)) => own.extend(more.clone()),
                (Some(_), _) => {}
                (None, _) => drop(fields.insert(key.clone(), value.clone())),
            }
        }
    }
    whole
}

/// What stands under a key, one or several; `None` when nothing does.
fn words(schema: &Value, key: &str) -> Option<BTreeSet<String>> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match schema.get(key)? {
        Value::Array(several) => Some(several.iter().map(text).collect()),
        one => Some([text(one)].into()),
    }
}

fn list(words: Option<&BTreeSet<String>>) -> String {
    words.map_or("anything".to_owned(), |words| words.iter().cloned().collect::<Vec<_>>().join(" or "))
}
