//! What a client may ask of the list of posts. The names of attributes are part of the parameters' names, so they are
//! taken as pairs and sorted out here.

use tracklore_platform::{page::PageQuery, problem::Problem};
use uuid::Uuid;

use crate::{
    attributes::{self, MAX_KEYS},
    post::Attributes,
    store::Filter,
};

/// Ids in one request.
const MAX_IDS: usize = 100;
/// What names of attribute parameters begin with.
const ATTRIBUTE: &str = "attributes.";
/// The ways to ask.
const FORMS: &str = "Ask for ids=, author_id=, attributes.KEY= or the last two together.";

/// A question to the list.
#[derive(Debug, PartialEq)]
pub enum Question {
    /// These posts, each once.
    Ids(Vec<Uuid>),
    /// A page of those that match.
    Matching(Filter),
}

/// Sorts out the parameters; 400 when they make no question.
pub fn parse(parameters: Vec<(String, String)>) -> Result<(Question, PageQuery), Problem> {
    let (mut ids, mut author, mut limit, mut cursor) = (None, None, None, None);
    let mut wanted = Attributes::new();
    for (name, value) in parameters {
        let repeated = match name.as_str() {
            "ids" => ids.replace(parse_ids(&value)?).is_some(),
            "author_id" => author.replace(value.parse().map_err(|error| bad(&name, error))?).is_some(),
            "limit" => limit.replace(value.parse().map_err(|error| bad(&name, error))?).is_some(),
            "cursor" => cursor.replace(value).is_some(),
            other => match other.strip_prefix(ATTRIBUTE) {
                Some(key) if key.contains('\0') || value.contains('\0') => {
                    return Err(Problem::malformed(
                        "The name or value of an attributes. parameter has the character U+0000, which no \
                         attribute has.",
                    ));
                }
                Some(key) => wanted.insert(key.to_owned(), attributes::scalar(&value)).is_some(),
                None => {
                    return Err(Problem::malformed(format!(
                        "There is no query parameter {other:?}. {FORMS}"
                    )));
                }
            },
        };
        if repeated {
            return Err(Problem::malformed(format!("The query parameter {name} was given twice.")));
        }
    }
    if wanted.len() > MAX_KEYS {
        return Err(Problem::malformed(format!("At most {MAX_KEYS} attributes can be asked for.")));
    }
    let page = PageQuery { limit, cursor };
    let question = match (ids, author, wanted.is_empty()) {
        (Some(ids), None, true) if page.limit.is_none() && page.cursor.is_none() => Question::Ids(ids),
        (Some(_), ..) => {
            return Err(Problem::malformed("ids= gives the whole list and goes with no other parameter."));
        }
        (None, Some(author), true) => Question::Matching(Filter::Author(author)),
        (None, Some(author), false) => Question::Matching(Filter::AuthorAndAttributes(author, wanted)),
        (None, None, false) => Question::Matching(Filter::Attributes(wanted)),
        (None, None, true) => return Err(Problem::malformed(FORMS)),
    };
    Ok((question, page))
}

fn parse_ids(text: &str) -> Result<Vec<Uuid>, Problem> {
    if text.is_empty() {
        return Err(Problem::malformed("ids= names no post: give 1 to 100 ids, separated by commas."));
    }
    let mut ids = Vec::new();
    for part in text.split(',') {
        let id = part.parse().map_err(|_| bad("ids", format!("{part:?} is no UUID")))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() > MAX_IDS {
            return Err(Problem::malformed(format!("At most {MAX_IDS} ids can be asked for.")));
        }
    }
    Ok(ids)
}

fn bad(name: &str, error: impl std::fmt::Display) -> Problem {
    Problem::malformed(format!("Bad query parameter {name}: {error}."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn ask(parameters: &[(&str, &str)]) -> Result<(Question, PageQuery), Problem> {
        parse(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn wanted(value: serde_json::Value) -> Attributes {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn each_form_is_understood() {
        let author = 7.try_into().unwrap();
        for (parameters, filter) in [
            (&[("author_id", "7")][..], Filter::Author(author)),
            (&[("attributes.n", "1")], Filter::Attributes(wanted(json!({"n": 1})))),
            (&[("attributes.", "red")], Filter::Attributes(wanted(json!({"": "red"})))),
            (
                &[("attributes.a.b", "x"), ("author_id", "7"), ("limit", "3")],
                Filter::AuthorAndAttributes(author, wanted(json!({"a.b": "x"}))),
            ),
        ] {
            assert_eq!(ask(parameters).unwrap().0, Question::Matching(filter));
        }
    }

    #[test]
    fn ids_keep_their_order_and_lose_repetitions() {
        let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
        let (question, _) = ask(&[("ids", &format!("{b},{a},{b}"))]).unwrap();
        assert_eq!(question, Question::Ids(vec![b, a]));
    }

    #[test]
    fn what_makes_no_question_is_malformed() {
        let id = Uuid::now_v7().to_string();
        let many: Vec<_> = (0..101).map(|_| Uuid::now_v7().to_string()).collect();
        for parameters in [
            &[][..],
            &[("limit", "5")],
            &[("colour", "red")],
            &[("attributes.a", "\0")],
            &[("attributes.\0", "1")],
            &[("attributes.a", "1"), ("attributes.a", "2")],
            &[("author_id", "x")],
            &[("author_id", "0")],
            &[("author_id", "1"), ("author_id", "2")],
            &[("author_id", "1"), ("limit", "-1")],
            &[("ids", "")],
            &[("ids", "x")],
            &[("ids", &many.join(","))],
            &[("ids", &id), ("author_id", "1")],
            &[("ids", &id), ("limit", "1")],
        ] {
            assert_eq!(ask(parameters).unwrap_err().status().as_u16(), 400, "{parameters:?}");
        }
    }

    proptest! {
        #[test]
        fn no_parameters_make_it_panic(pairs in prop::collection::vec(("\\PC{0,20}", "\\PC{0,40}"), 0..5)) {
            drop(parse(pairs));
        }
    }
}
