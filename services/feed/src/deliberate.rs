//! The feed with a bug: see [`tracklore_platform::deliberate`].

use tokio::time::sleep;
use tracklore_platform::{
    consumer::Failure,
    deliberate::{GAP, has},
    event::Record,
};

use crate::{
    apply::{Applier, Outcome},
    event::Change,
};

impl Applier {
    /// With the bug `offset-before-effect`: stores the offset, and applies the change in a call of its own. Whether it
    /// did.
    pub(crate) async fn store_offset_first(&self, record: &Record, change: &Change) -> Result<bool, Failure> {
        if *change == Change::Nothing || !has("offset-before-effect") {
            return Ok(false);
        }
        let step = self.offsets.step(record, self.expected.before(record));
        if self.apply(&step, &Change::Nothing).await? != Outcome::Settled {
            return Ok(false);
        }
        self.expected.passed(record);
        sleep(GAP).await;
        let topic = format!("aside:{}:{}:{}", record.topic, record.partition, record.offset);
        let aside = Record { topic, ..record.clone() };
        let step = self.offsets.step(&aside, String::new());
        Ok(self.apply(&step, change).await? == Outcome::Settled)
    }
}
