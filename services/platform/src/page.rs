//! Lists: `?limit=` (1–100, default 20) and `?cursor=`, answered as `{"items": […], "next_cursor": … | null}`.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use crate::{cursor, problem::Problem};

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// What a client asks of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at most (1–100, default 20).
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items in the list's order.
    pub items: Vec<T>,
    /// Where the next page starts; null on the last one.
    pub next_cursor: Option<String>,
}

impl PageQuery {
    /// The number of items to answer, 400 when it is out of range.
    pub fn limit(&self) -> Result<usize, Problem> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(limit as usize),
            _ => Err(Problem::malformed(format!("limit must be from 1 to {MAX_LIMIT}."))),
        }
    }

    /// The sort key to go on after, 400 when the cursor isn't one of `list`.
    pub fn after<K: DeserializeOwned>(&self, list: &str) -> Result<Option<K>, Problem> {
        self.cursor.as_deref().map(|cursor| cursor::decode(list, cursor)).transpose()
    }
}

impl<T> Page<T> {
    /// A page out of `limit + 1` rows asked for: the extra one only tells that there are more.
    pub fn new<K: Serialize>(list: &str, mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| cursor::encode(list, &key(last)));
        Self { items: rows, next_cursor }
    }

    /// A list that is complete as it is.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_outside_1_to_100_are_refused() {
        let query = |limit| PageQuery { limit, cursor: None };
        assert_eq!(query(None).limit().unwrap(), 20);
        assert_eq!(query(Some(100)).limit().unwrap(), 100);
        assert!(query(Some(0)).limit().is_err());
        assert!(query(Some(101)).limit().is_err());
    }

    #[test]
    fn only_a_full_page_with_more_behind_it_has_a_cursor() {
        let page = Page::new("numbers", vec![1, 2, 3], 2, |n| *n);
        assert_eq!(page.items, [1, 2]);
        let query = PageQuery { limit: None, cursor: page.next_cursor };
        assert_eq!(query.after::<i32>("numbers").unwrap(), Some(2));
        assert!(Page::new("numbers", vec![1, 2], 2, |n| *n).next_cursor.is_none());
    }
}
