//! The life of an order as one table. The code moves orders by it, `docs/states.md` prints it, the tests walk it.

use crate::caller::Role;
use crate::event::EventName;
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::EnumIter)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    Created,
    PendingPayment,
    Paid,
    Allocated,
    Picked,
    Packed,
    PartialShipped,
    Shipped,
    InTransit,
    Delivered,
    Confirmed,
    Completed,
    AfterSaleOpen,
    PartialRefunded,
    Canceled,
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::EnumIter)]
#[strum(serialize_all = "kebab-case")]
pub enum Act {
    Submit,
    Pay,
    Allocate,
    Pick,
    Pack,
    ShipSome,
    Ship,
    Move,
    Deliver,
    DeliverVirtual,
    Confirm,
    Complete,
    CancelUnpaid,
    CancelPaid,
    OpenAfterSale,
    RefundSome,
    CloseAfterSale,
    ResumeDelivery,
    EndAfterSale,
    RefundAll,
}

/// One row of the table: who may do what from where, where it leads, and what is announced.
pub struct Move {
    pub act: Act,
    pub from: &'static [State],
    pub to: State,
    pub by: &'static [Role],
    pub event: EventName,
}

const SHOP: &[Role] = &[Role::Staff, Role::System];
const ALL: &[Role] = &[Role::Shopper, Role::Staff, Role::System];
const SYSTEM: &[Role] = &[Role::System];

#[rustfmt::skip]
pub const MOVES: &[Move] = {
    use State::*;
    &[
        Move { act: Act::Submit,         from: &[Created],                               to: PendingPayment,  by: ALL,    event: EventName::OrderSubmitted },
        Move { act: Act::Pay,            from: &[PendingPayment],                        to: Paid,            by: SHOP,   event: EventName::OrderPaid },
        Move { act: Act::Allocate,       from: &[Paid],                                  to: Allocated,       by: SHOP,   event: EventName::OrderAllocated },
        Move { act: Act::Pick,           from: &[Allocated],                             to: Picked,          by: SHOP,   event: EventName::OrderPicked },
        Move { act: Act::Pack,           from: &[Picked],                                to: Packed,          by: SHOP,   event: EventName::OrderPacked },
        Move { act: Act::ShipSome,       from: &[Packed, PartialShipped],                to: PartialShipped,  by: SHOP,   event: EventName::OrderPartiallyShipped },
        Move { act: Act::Ship,           from: &[Packed, PartialShipped],                to: Shipped,         by: SHOP,   event: EventName::OrderShipped },
        Move { act: Act::Move,           from: &[Shipped],                               to: InTransit,       by: SHOP,   event: EventName::OrderInTransit },
        Move { act: Act::Deliver,        from: &[Shipped, InTransit],                    to: Delivered,       by: SHOP,   event: EventName::OrderDelivered },
        Move { act: Act::DeliverVirtual, from: &[Paid],                                  to: Delivered,       by: SYSTEM, event: EventName::OrderDelivered },
        Move { act: Act::Confirm,        from: &[Delivered],                             to: Confirmed,       by: ALL,    event: EventName::OrderConfirmed },
        Move { act: Act::Complete,       from: &[Confirmed],                             to: Completed,       by: SHOP,   event: EventName::OrderCompleted },
        Move { act: Act::CancelUnpaid,   from: &[Created, PendingPayment],               to: Canceled,        by: ALL,    event: EventName::OrderCanceled },
        Move { act: Act::CancelPaid,     from: &[Paid, Allocated],                       to: Canceled,        by: ALL,    event: EventName::OrderCanceled },
        Move { act: Act::CancelPaid,     from: &[Picked, Packed],                        to: Canceled,        by: SHOP,   event: EventName::OrderCanceled },
        Move { act: Act::OpenAfterSale,  from: &[PartialShipped, Shipped, InTransit, Delivered, Confirmed, PartialRefunded], to: AfterSaleOpen, by: ALL, event: EventName::OrderAfterSaleOpened },
        Move { act: Act::RefundSome,     from: &[AfterSaleOpen],                         to: PartialRefunded, by: SHOP,   event: EventName::OrderPartiallyRefunded },
        Move { act: Act::RefundAll,      from: &[AfterSaleOpen, PartialRefunded],        to: Canceled,        by: SHOP,   event: EventName::OrderRefunded },
        Move { act: Act::ResumeDelivery, from: &[AfterSaleOpen],                         to: Shipped,         by: ALL,    event: EventName::OrderDeliveryResumed },
        Move { act: Act::EndAfterSale,   from: &[AfterSaleOpen],                         to: Delivered,       by: ALL,    event: EventName::OrderAfterSaleEnded },
        Move { act: Act::CloseAfterSale, from: &[AfterSaleOpen, PartialRefunded],        to: Completed,       by: SHOP,   event: EventName::OrderCompleted },
    ]
};

impl State {
    /// The move that `act` is from here, if the table has one for this role.
    pub fn leads_by(self, act: Act, role: Role) -> Option<&'static Move> {
        MOVES.iter().find(|row| row.act == act && row.from.contains(&self) && row.by.contains(&role))
    }

    pub fn is_final(self) -> bool {
        !MOVES.iter().any(|row| row.from.contains(&self))
    }

    pub fn is_unpaid(self) -> bool {
        matches!(self, Self::Created | Self::PendingPayment)
    }

    /// Paid, or further, and nothing has left the warehouse yet.
    pub fn is_before_shipping(self) -> bool {
        self.is_unpaid() || matches!(self, Self::Paid | Self::Allocated | Self::Picked | Self::Packed)
    }
}

/// The table for people: the whole of `docs/states.md`.
pub fn as_markdown() -> String {
    let mut page = String::from(
        "# The life of an order\n\nPrinted from `commerce-core/src/order/state.rs`; a test keeps the two equal \
         (`UPDATE_DOCS=1 make test` writes this page).\n\n| act | from | to | by | event |\n| --- | --- | --- | --- | --- |\n",
    );
    for row in MOVES {
        let from: Vec<String> = row.from.iter().map(State::to_string).collect();
        let by: Vec<String> = row.by.iter().map(Role::to_string).collect();
        // Writing to a String cannot fail.
        let _ =
            writeln!(page, "| {} | {} | {} | {} | `{}` |", row.act, from.join(", "), row.to, by.join(", "), row.event);
    }
    page.push_str(
        "\nFinal: `COMPLETED`, `CANCELED`; nothing leaves them.\n\n## The hold on stock\n\n| hold | means |\n| --- | --- |\n\
         | `HELD` | reserved until `hold_until`; the sweeper may take it back |\n\
         | `CONSUMED` | paid for: reserved until it ships |\n\
         | `EXPIRED` | taken back by the sweeper; a late payment must reserve again |\n\
         | `RELEASED` | given back by a cancellation |\n\
         | `NONE` | nothing to reserve (virtual goods nobody counts, imported history) |\n\n\
         `HELD → EXPIRED` and `HELD → CONSUMED` are guarded by the order's version: whoever moves the row first wins, the other \
         one looks again.\n",
    );
    page.push_str(&crate::after_sale::as_markdown());
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn the_page_is_printed_from_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/states.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, as_markdown()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), as_markdown(), "run UPDATE_DOCS=1 make test");
    }

    #[test]
    fn every_state_is_reached_and_every_act_is_in_the_table() {
        for state in State::iter() {
            let is_reached = state == State::Created || MOVES.iter().any(|row| row.to == state);
            assert!(is_reached, "{state} is never reached");
            assert_eq!(state.is_final(), matches!(state, State::Completed | State::Canceled), "{state}");
        }
        for act in Act::iter() {
            assert!(MOVES.iter().any(|row| row.act == act), "{act} is not in the table");
        }
    }

    #[test]
    fn one_act_from_one_state_leads_to_one_place() {
        for state in State::iter() {
            for act in Act::iter() {
                let rows: Vec<_> = MOVES.iter().filter(|row| row.act == act && row.from.contains(&state)).collect();
                assert!(rows.len() <= 1, "{act} from {state}");
            }
        }
    }
}
