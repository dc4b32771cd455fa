use super::customer::{escape_like, read_destination};
use super::{Cell, Conn, Row, StoreError, Tx};
use crate::customer::{AddressId, CustomerId, Destination, Level};
use crate::money::Currency;
use crate::order::{Line, Order, OrderId, State};
use crate::rules::FirstOrder;
use crate::tenant::{Settings, TenantId};
use crate::time::Timestamp;
use serde_json::{Value, json};

/// A request to place an order, as far as the database must be asked about it.
pub(crate) struct Ask<'a> {
    pub(crate) customer: CustomerId,
    pub(crate) address: Option<AddressId>,
    pub(crate) scope: &'a str,
    pub(crate) key: &'a str,
}

/// What the database knows about one [`Ask`].
pub(crate) struct Opened {
    pub(crate) currency: Currency,
    pub(crate) settings: Settings,
    pub(crate) level: Option<Level>,
    pub(crate) tags: Vec<String>,
    pub(crate) is_first_order: FirstOrder,
    pub(crate) destination: Option<Destination>,
    /// Hash and reply, where this request was answered before.
    pub(crate) answered: Option<(String, String)>,
}

/// A reply to be kept with the effect it tells of.
pub(crate) struct KeptReply<'a> {
    pub(crate) scope: &'a str,
    pub(crate) key: &'a str,
    pub(crate) request_hash: String,
    pub(crate) reply: String,
}

/// What to look for among orders; what is empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct OrderSearch {
    pub state: Option<State>,
    pub channel: String,
    pub order_no: String,
    /// The last digits of the recipient's phone.
    pub phone_tail: String,
    /// A SKU code, or words of a title.
    pub goods: String,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// The last order of the page before.
    pub after: Option<(Timestamp, OrderId)>,
}

impl Tx {
    pub(crate) async fn erase_person_from_orders(
        &mut self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<(), StoreError> {
        for text in [
            include_str!("sql/order/erase_person.sql"),
            include_str!("sql/after_sale/erase_person.sql"),
            include_str!("sql/refund/erase_person.sql"),
        ] {
            self.sql(text).text(tenant).text(customer).run().await?;
        }
        Ok(())
    }
}

impl Conn {
    /// Whether something a customer ordered is neither complete nor canceled.
    pub(crate) async fn has_orders_under_way(
        &mut self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<bool, StoreError> {
        let row = self.sql(include_str!("sql/order/under_way.sql")).text(tenant).text(customer).row().await?;
        Ok(row.is_some())
    }

    pub(crate) async fn open_orders(&mut self, tenant: TenantId, asks: &[Ask<'_>]) -> Result<Vec<Opened>, StoreError> {
        let rows: Vec<_> = asks
            .iter()
            .map(|ask| json!({ "customer": ask.customer, "address": ask.address, "scope": ask.scope, "key": ask.key }))
            .collect();
        let found = self.sql(include_str!("sql/order/open.sql")).text(tenant).json(&rows).rows().await?;
        // One row for each ask: customer, address and reply are found by their keys.
        let mut opened = found
            .into_iter()
            .map(|row| Ok((row.int("ask")?, read_opened(&row)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        opened.sort_by_key(|(ask, _)| *ask);
        Ok(opened.into_iter().map(|(_, opened)| opened).collect())
    }

    pub async fn order(
        &mut self,
        tenant: TenantId,
        owner: Option<CustomerId>,
        id: OrderId,
    ) -> Result<Option<Order>, StoreError> {
        Ok(self.orders(tenant, owner, &[id]).await?.into_iter().next())
    }

    pub async fn orders(
        &mut self,
        tenant: TenantId,
        owner: Option<CustomerId>,
        ids: &[OrderId],
    ) -> Result<Vec<Order>, StoreError> {
        let wanted: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.sql(include_str!("sql/order/find.sql")).text(tenant).json(&wanted).maybe(owner).rows().await?;
        rows.into_iter().map(read).collect()
    }

    pub async fn order_by_no(
        &mut self,
        tenant: TenantId,
        owner: Option<CustomerId>,
        order_no: &str,
    ) -> Result<Option<Order>, StoreError> {
        let row =
            self.sql(include_str!("sql/order/find_by_no.sql")).text(tenant).text(order_no).maybe(owner).row().await?;
        row.map(read).transpose()
    }

    pub async fn search_orders(
        &mut self,
        tenant: TenantId,
        owner: Option<CustomerId>,
        search: &OrderSearch,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let tail =
            if search.phone_tail.is_empty() { String::new() } else { format!("%{}", escape_like(&search.phone_tail)) };
        let before = search.to.unwrap_or(Timestamp::from_micros(i64::MAX));
        // No id is below '': what was placed at `before` itself is left out.
        let (until, after) = match search.after {
            Some((time, id)) if time < before => (time, id.to_string()),
            _ => (before, String::new()),
        };
        let rows = self
            .sql(include_str!("sql/order/search.sql"))
            .text(tenant)
            .maybe(owner)
            .maybe(search.state)
            .text(&search.channel)
            .text(&search.order_no)
            .text(tail)
            .text(&search.goods)
            .text(format!("%{}%", escape_like(&search.goods)))
            .time(search.from.unwrap_or(Timestamp::from_micros(0)))
            .time(until)
            .text(after)
            .int(limit)
            .rows()
            .await?;
        rows.into_iter().map(read).collect()
    }

    pub(crate) async fn expired_holds(
        &mut self,
        tenant: TenantId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let rows =
            self.sql(include_str!("sql/order/expired_holds.sql")).text(tenant).time(now).int(limit).rows().await?;
        rows.into_iter().map(read).collect()
    }

    pub(crate) async fn overdue_orders(
        &mut self,
        tenant: TenantId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let rows = self.sql(include_str!("sql/order/overdue.sql")).text(tenant).time(now).int(limit).rows().await?;
        rows.into_iter().map(read).collect()
    }

    pub(crate) async fn orders_to_ship(&mut self, tenant: TenantId, limit: u32) -> Result<Vec<Order>, StoreError> {
        let rows = self.sql(include_str!("sql/order/to_ship.sql")).text(tenant).int(limit).rows().await?;
        rows.into_iter().map(read).collect()
    }

    /// The lines of these orders, order by order.
    pub async fn order_lines(&mut self, tenant: TenantId, orders: &[OrderId]) -> Result<Vec<Line>, StoreError> {
        let wanted: Vec<_> = orders.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.sql(include_str!("sql/order/lines.sql")).text(tenant).json(&wanted).rows().await?;
        rows.into_iter().map(read_line).collect()
    }

    /// How many orders stand in each state, and what they are worth in minor units.
    pub async fn order_counts(&mut self, tenant: TenantId) -> Result<Vec<(State, i64, i64)>, StoreError> {
        let rows = self.sql(include_str!("sql/order/count_by_state.sql")).text(tenant).rows().await?;
        rows.into_iter().map(|row| Ok((row.word("state")?, row.int("orders")?, row.int("total")?))).collect()
    }
}

impl Tx {
    /// Hands out the next `count` order numbers of a day and returns the last of them.
    pub(crate) async fn next_order_numbers(
        &mut self,
        tenant: TenantId,
        day: &str,
        count: i64,
    ) -> Result<i64, StoreError> {
        let row = self.sql(include_str!("sql/order/next_numbers.sql")).text(tenant).text(day).int(count).row().await?;
        row.ok_or_else(|| StoreError::unreadable("an upsert returned nothing"))?.int("last")
    }

    pub(crate) async fn insert_orders(&mut self, tenant: TenantId, orders: &[Order]) -> Result<(), StoreError> {
        let rows = orders.iter().map(|order| insert_row(tenant, order)).collect();
        self.sql_rows(include_str!("sql/order/insert.sql"), rows).run().await
    }

    pub(crate) async fn insert_lines(&mut self, tenant: TenantId, lines: &[Line]) -> Result<(), StoreError> {
        let rows = lines.iter().map(|line| insert_line_row(tenant, line)).collect();
        self.sql_rows(include_str!("sql/order/insert_lines.sql"), rows).run().await
    }

    /// Saves orders that were read and [touched](Order::touch) once in this write. If anybody changed one in between,
    /// this write is undone and tried again on what the order is by then.
    pub(crate) async fn save_orders(&mut self, tenant: TenantId, orders: &[Order]) -> Result<(), StoreError> {
        if orders.is_empty() {
            return Ok(());
        }
        let mut in_order: Vec<&Order> = orders.iter().collect();
        in_order.sort_by_key(|order| order.id);
        let rows = in_order.into_iter().map(|order| save_row(tenant, order)).collect();
        let saved = self.sql_rows(include_str!("sql/order/save.sql"), rows).changes().await?;
        if saved == orders.len() { Ok(()) } else { Err(self.lost_a_race()) }
    }

    pub(crate) async fn save_line(&mut self, tenant: TenantId, line: &Line) -> Result<(), StoreError> {
        self.sql(include_str!("sql/order/save_line.sql")).text(tenant).json(&[line_row(line)]).run().await
    }

    /// Keeps replies with their effects. A key that somebody else used in between undoes this write.
    pub(crate) async fn keep_replies(
        &mut self,
        tenant: TenantId,
        replies: &[KeptReply<'_>],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = |r: &KeptReply<'_>| {
            vec![
                Cell::text(tenant),
                Cell::text(r.scope),
                Cell::text(r.key),
                Cell::text(&r.request_hash),
                Cell::text(&r.reply),
                Cell::time(now),
            ]
        };
        let kept = self
            .sql_rows(include_str!("sql/idempotency/insert.sql"), replies.iter().map(row).collect())
            .changes()
            .await?;
        if kept == replies.len() { Ok(()) } else { Err(self.lost_a_race()) }
    }
}

fn weight(grams: u64) -> Cell {
    Cell::int(i64::try_from(grams).unwrap_or(i64::MAX))
}

fn insert_row(tenant: TenantId, o: &Order) -> Vec<Cell> {
    let to = &o.destination;
    vec![
        Cell::text(o.id),
        Cell::text(tenant),
        Cell::text(&o.order_no),
        Cell::text(o.customer),
        Cell::text(&o.channel),
        Cell::text(o.state),
        Cell::text(o.hold),
        Cell::time(o.hold_until),
        Cell::time(o.pay_until),
        Cell::text(o.currency),
        Cell::money(o.goods),
        Cell::money(o.discount),
        Cell::money(o.freight),
        Cell::money(o.tax),
        Cell::money(o.total),
        Cell::money(o.paid),
        Cell::money(o.returned),
        weight(o.weight_g),
        Cell::text(&to.recipient),
        Cell::text(&to.phone),
        Cell::text(&to.province),
        Cell::text(&to.city),
        Cell::text(&to.district),
        Cell::text(&to.street),
        Cell::json(&o.invoice),
        Cell::text(&o.remark),
        Cell::json(&o.metadata),
        Cell::text(&o.cancel_reason),
        Cell::int(o.version),
        Cell::time(o.created_at),
        Cell::time(o.updated_at),
        Cell::json(&o.discounts),
    ]
}

fn save_row(tenant: TenantId, o: &Order) -> Vec<Cell> {
    let to = &o.destination;
    vec![
        Cell::text(o.id),
        Cell::int(o.version - 1),
        Cell::text(tenant),
        Cell::text(o.state),
        Cell::text(o.hold),
        Cell::time(o.hold_until),
        Cell::money(o.goods),
        Cell::money(o.discount),
        Cell::money(o.freight),
        Cell::money(o.tax),
        Cell::money(o.total),
        Cell::money(o.paid),
        Cell::money(o.returned),
        weight(o.weight_g),
        Cell::text(&to.recipient),
        Cell::text(&to.phone),
        Cell::text(&to.province),
        Cell::text(&to.city),
        Cell::text(&to.district),
        Cell::text(&to.street),
        Cell::json(&o.invoice),
        Cell::text(&o.cancel_reason),
        Cell::time(o.updated_at),
    ]
}

fn insert_line_row(tenant: TenantId, l: &Line) -> Vec<Cell> {
    vec![
        Cell::text(l.id),
        Cell::text(l.order),
        Cell::text(tenant),
        Cell::int(l.position),
        Cell::text(l.sku),
        Cell::text(l.product),
        Cell::text(l.kind),
        Cell::text(&l.sku_code),
        Cell::text(&l.title),
        Cell::json(&l.options),
        Cell::int(l.qty),
        Cell::money(l.unit_price),
        Cell::text(&l.price_rule),
        Cell::money(l.amount),
        Cell::money(l.tax),
        weight(l.weight_g),
        Cell::maybe(l.activity),
        Cell::maybe(l.batch),
        Cell::money(l.discount),
        Cell::int(l.returned_qty),
    ]
}

fn line_row(l: &Line) -> Value {
    json!({
        "id": l.id, "order": l.order, "position": l.position, "sku": l.sku, "product": l.product, "kind": l.kind.to_string(),
        "sku_code": l.sku_code, "title": l.title, "options": json!(l.options).to_string(), "qty": l.qty,
        "unit_price": l.unit_price.minor(), "price_rule": l.price_rule, "amount": l.amount.minor(), "tax": l.tax.minor(),
        "weight_g": l.weight_g, "activity": l.activity.map_or_else(String::new, |id| id.to_string()),
        "batch": l.batch.map_or_else(String::new, |id| id.to_string()), "discount": l.discount.minor(),
        "returned_qty": l.returned_qty,
    })
}

fn read_opened(row: &Row) -> Result<Opened, StoreError> {
    let is_customer = row.maybe_text("customer")?.is_some();
    let has_address = row.maybe_text("address")?.is_some();
    Ok(Opened {
        currency: row.word("currency")?,
        settings: row.json("settings")?,
        level: if is_customer { Some(row.word("level")?) } else { None },
        tags: if is_customer { row.json("tags")? } else { Vec::new() },
        is_first_order: if row.is("has_ordered")? { FirstOrder::No } else { FirstOrder::Yes },
        destination: if has_address { Some(read_destination(row, "recipient")?) } else { None },
        answered: row.maybe_text("request_hash")?.zip(row.maybe_text("reply")?),
    })
}

fn read(row: Row) -> Result<Order, StoreError> {
    let currency = row.word("currency")?;
    Ok(Order {
        id: row.id("id")?,
        order_no: row.text("order_no")?,
        customer: row.id("customer")?,
        channel: row.text("channel")?,
        state: row.word("state")?,
        hold: row.word("hold")?,
        hold_until: row.time("hold_until")?,
        pay_until: row.time("pay_until")?,
        currency,
        goods: row.money("goods", currency)?,
        discount: row.money("discount", currency)?,
        freight: row.money("freight", currency)?,
        tax: row.money("tax", currency)?,
        total: row.money("total", currency)?,
        paid: row.money("paid", currency)?,
        returned: row.money("returned", currency)?,
        discounts: row.json("discounts")?,
        weight_g: row.count("weight_g")?,
        destination: read_destination(&row, "recipient")?,
        invoice: row.json("invoice")?,
        remark: row.text("remark")?,
        metadata: row.json("metadata")?,
        cancel_reason: row.text("cancel_reason")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn read_line(row: Row) -> Result<Line, StoreError> {
    let currency: Currency = row.word("currency")?;
    Ok(Line {
        id: row.id("id")?,
        order: row.id("orders")?,
        position: row.count("position")?,
        sku: row.id("sku")?,
        product: row.id("product")?,
        kind: row.word("kind")?,
        sku_code: row.text("sku_code")?,
        title: row.text("title")?,
        options: row.json("options")?,
        qty: row.count("qty")?,
        unit_price: row.money("unit_price", currency)?,
        price_rule: row.text("price_rule")?,
        amount: row.money("amount", currency)?,
        tax: row.money("tax", currency)?,
        weight_g: row.count("weight_g")?,
        activity: row.maybe_id("activity")?,
        batch: row.maybe_id("batch")?,
        discount: row.money("discount", currency)?,
        returned_qty: row.count("returned_qty")?,
    })
}
