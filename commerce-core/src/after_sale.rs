//! After-sale cases: goods that come back, goods that are exchanged, money that goes back without either.

use crate::caller::Role;
use crate::catalog::SkuId;
use crate::id::{Entity, Id};
use crate::money::{Money, MoneyError, Round};
use crate::order::{Line, LineId, OrderId};
use crate::time::Timestamp;
use std::fmt::Write as _;

/// What a shopper wants done about one line of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub id: CaseId,
    pub order: OrderId,
    /// None where the case is about the order as a whole.
    pub line: Option<LineId>,
    pub kind: CaseKind,
    pub qty: u32,
    /// The variant wanted instead.
    pub exchange_to: Option<SkuId>,
    pub reason: Reason,
    pub note: String,
    pub status: CaseStatus,
    /// What goes back if all goes as applied for.
    pub refund_amount: Money,
    pub resolution: String,
    pub applied_at: Timestamp,
    pub processed_at: Option<Timestamp>,
    /// By when the shop is to have answered.
    pub due_at: Timestamp,
    pub version: i64,
}

pub type CaseId = Id<Case>;

impl Entity for Case {
    const PREFIX: &'static str = "asc";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum CaseKind {
    /// The money goes back, the goods stay where they are: lost, spoiled, never sent.
    Refund,
    /// The goods come back, then the money does.
    Return,
    /// The goods come back, another variant goes out.
    Exchange,
    /// Something for the trouble, by staff.
    Compensation,
    Complaint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    ChangedMind,
    WrongVariant,
    Damaged,
    Spoiled,
    NotAsDescribed,
    WrongGoods,
    Missing,
    Lost,
    Late,
    Other,
}

impl Reason {
    /// Where the shop is at fault, the freight goes back with the last of the goods.
    pub fn is_the_shops_fault(self) -> bool {
        !matches!(self, Self::ChangedMind | Self::WrongVariant | Self::Other)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::EnumIter)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum CaseStatus {
    Requested,
    /// The shop agrees; goods that are to come back are awaited.
    Approved,
    /// Money or goods are on their way to the shopper.
    Processing,
    Done,
    /// A channel would not give the money back; the shop still owes it.
    Failed,
    Rejected,
    Withdrawn,
}

impl CaseStatus {
    pub fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::Approved | Self::Processing | Self::Failed)
    }

    /// The step that `act` is from here, if the table has one for this role.
    pub fn leads_by(self, act: CaseAct, role: Role) -> Option<Self> {
        let step = STEPS.iter().find(|step| step.act == act && step.from.contains(&self) && step.by.contains(&role));
        step.map(|step| step.to)
    }
}

/// What can happen to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum CaseAct {
    Approve,
    Reject,
    Withdraw,
    Process,
    Finish,
    Fail,
    /// A second person would not have the money go back.
    TurnDown,
}

struct CaseStep {
    act: CaseAct,
    from: &'static [CaseStatus],
    to: CaseStatus,
    by: &'static [Role],
}

const SHOP: &[Role] = &[Role::Staff, Role::System];
const SYSTEM: &[Role] = &[Role::System];
const ALL: &[Role] = &[Role::Shopper, Role::Staff, Role::System];

#[rustfmt::skip]
const STEPS: &[CaseStep] = {
    use CaseStatus::*;
    &[
        CaseStep { act: CaseAct::Approve,  from: &[Requested],             to: Approved,   by: SHOP },
        CaseStep { act: CaseAct::Reject,   from: &[Requested, Approved],   to: Rejected,   by: SHOP },
        CaseStep { act: CaseAct::Withdraw, from: &[Requested, Approved],   to: Withdrawn,  by: ALL },
        CaseStep { act: CaseAct::Process,  from: &[Approved, Failed],      to: Processing, by: SHOP },
        CaseStep { act: CaseAct::Finish,   from: &[Processing, Requested, Failed], to: Done, by: SHOP },
        CaseStep { act: CaseAct::Fail,     from: &[Processing],            to: Failed,     by: SHOP },
        CaseStep { act: CaseAct::TurnDown, from: &[Processing],            to: Rejected,   by: SYSTEM },
    ]
};

/// The table for people, below the one of orders in `docs/states.md`.
pub fn as_markdown() -> String {
    let mut page = String::from("\n## After-sale cases\n\n| act | from | to | by |\n| --- | --- | --- | --- |\n");
    for step in STEPS {
        let from: Vec<String> = step.from.iter().map(CaseStatus::to_string).collect();
        let by: Vec<String> = step.by.iter().map(Role::to_string).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| {} | {} | {} | {} |", step.act, from.join(", "), step.to, by.join(", "));
    }
    page.push_str(
        "\nRefunds: `REFUND_REQUESTED → REFUND_APPROVED → REFUND_PROCESSING → REFUNDED` or `REFUND_FAILED`; payments: \
         `UNPAID → PAYING → PAID → PARTIALLY_REFUNDED → REFUNDED`, or `FAILED`, `CLOSED`. The last of each are left by nothing.\n",
    );
    page
}

impl Line {
    /// What the shopper paid for so many of this line, counted from those that came back before: so the parts add up to the
    /// whole line, whatever the steps. `added_tax` is the tax on top of the price, where that is how the shop sells.
    pub fn worth(&self, qty: u32, added_tax: Money) -> Result<Money, MoneyError> {
        let whole = self.amount.checked_sub(self.discount)?.checked_add(added_tax)?;
        let pieces = |count: u32| Money::from_minor(i64::from(count), whole.currency());
        let up_to = |count: u32| whole.share(pieces(count), pieces(self.qty), Round::Down);
        up_to(self.returned_qty + qty)?.checked_sub(up_to(self.returned_qty)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn every_status_is_reached_and_only_the_open_ones_are_left() {
        for status in CaseStatus::iter() {
            let is_reached = status == CaseStatus::Requested || STEPS.iter().any(|step| step.to == status);
            assert!(is_reached, "{status}");
            assert_eq!(status.is_open(), STEPS.iter().any(|step| step.from.contains(&status)), "{status}");
        }
    }
}
