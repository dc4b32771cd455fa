use crate::db::Db;
use crate::shop::{TestShop, yuan};
use commerce_core::after_sale::{CaseKind, Reason};
use commerce_core::catalog::{Batch, ProductKind, id_of_code};
use commerce_core::error::Failure;
use commerce_core::fulfilment::{ProposalKind, ProposalReason, ProposalState};
use commerce_core::order::{Act, State};
use commerce_core::time::{DAY, MINUTE};
use commerce_core::{CaseRequest, Count, Shipment};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_in_two_warehouses_ships_in_two_parcels() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let skus = t.add_product("MIX", &["MIX-1", "MIX-2"]).await;
        let second = t.add_warehouse("W2", 2).await;
        t.receive(skus[0], 5).await;
        t.shop
            .receive_stock(&t.staff(), &[Count { sku: skus[1], warehouse: second, batch: None, qty: 5 }], "")
            .await
            .unwrap();
        let buyer = t.add_customer("C1").await;
        let placed = t
            .shop
            .place_order(&buyer.caller, buyer.customer, "key-00000001", buyer.wants(&[(skus[0], 1), (skus[1], 1)]))
            .await
            .unwrap();
        t.shop.confirm_paid(&t.system(), placed.order).await.unwrap();

        assert_eq!(t.shop.propose(&t.staff()).await.unwrap(), 1);
        assert_eq!(t.shop.propose(&t.staff()).await.unwrap(), 0, "the same proposal is made once");
        let proposal = t.shop.proposals(&t.staff(), Some(ProposalState::Open)).await.unwrap().remove(0);
        assert_eq!(
            (proposal.kind, proposal.reason, proposal.plan.len()),
            (ProposalKind::Split, ProposalReason::Warehouses, 2)
        );
        assert_eq!(t.shop.accept_proposal(&t.staff(), proposal.id).await.unwrap(), ProposalState::Accepted);
        assert!(t.shop.accept_proposal(&t.staff(), proposal.id).await.is_err());

        for act in [Act::Pick, Act::Pack] {
            t.shop.move_order(&t.staff(), placed.order, act).await.unwrap();
        }
        let parcels = t.shop.parcels(&buyer.caller, placed.order).await.unwrap();
        assert_eq!(parcels.len(), 2);
        let by_the_shopper = t.shop.ship_parcel(&buyer.caller, parcels[0].id, &Shipment::default()).await;
        assert_eq!(by_the_shopper.unwrap_err().code().name(), "NOT_ALLOWED");
        let mut states = Vec::new();
        for parcel in &parcels {
            let shipment = Shipment { carrier: "SF".into(), tracking_no: format!("SF-{}", parcel.id) };
            states.push(t.shop.ship_parcel(&t.staff(), parcel.id, &shipment).await.unwrap()[0].state);
        }
        for parcel in &parcels {
            t.shop.deliver_parcel(&t.staff(), parcel.id).await.unwrap();
            states.push(t.shop.order(&t.staff(), placed.order).await.unwrap().0.state);
        }
        assert_eq!(states, [State::PartialShipped, State::Shipped, State::Shipped, State::Delivered]);
        assert_eq!((t.stock(skus[0]).await, t.stock(skus[1]).await), ((4, 0), (4, 0)));
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heavy_orders_and_presales_are_proposed_for_splitting() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let product = t.product("RICE", ProductKind::Physical);
        let heavy = commerce_core::catalog::Sku { weight_g: 5_000, ..t.sku(&product, "RICE-5KG", "60.00") };
        let heavy_id = heavy.id;
        t.shop.save_products(&t.staff(), &[(product, vec![heavy])]).await.unwrap();
        t.receive(heavy_id, 50).await;
        let skus = t.add_product("FRUIT", &["FRUIT-NOW", "FRUIT-LATER"]).await;
        let to_come = Batch {
            id: id_of_code(t.tenant, "B-2027"),
            sku: skus[1],
            code: "B-2027".into(),
            harvest_year: 2027,
            processing_date: "2027-06-01".into(),
            best_before: t.shop.now().plus_micros(300 * DAY),
            farmer_id: String::new(),
            farm_plot_id: String::new(),
            irrigation_source: String::new(),
            pesticide_report_id: String::new(),
            quality_grade: String::new(),
            inspection_report_url: String::new(),
            trace_record_id: String::new(),
            total_qty: 100,
        };
        t.shop.save_batches(&t.staff(), std::slice::from_ref(&to_come)).await.unwrap();
        t.receive(skus[0], 9).await;
        let count = Count { sku: skus[1], warehouse: t.warehouse, batch: Some(to_come.id), qty: 9 };
        t.shop.receive_stock(&t.staff(), &[count], "").await.unwrap();
        let buyer = t.add_customer("C1").await;
        for (key, items) in [("key-heavy-1", vec![(heavy_id, 9)]), ("key-presale", vec![(skus[0], 1), (skus[1], 1)])] {
            let placed = t.shop.place_order(&buyer.caller, buyer.customer, key, buyer.wants(&items)).await.unwrap();
            t.shop.confirm_paid(&t.system(), placed.order).await.unwrap();
            t.clock.advance(3 * 60 * MINUTE);
        }
        t.shop.propose(&t.staff()).await.unwrap();
        let mut found: Vec<(ProposalReason, Vec<i64>)> = t
            .shop
            .proposals(&t.staff(), None)
            .await
            .unwrap()
            .into_iter()
            .map(|proposal| {
                (
                    proposal.reason,
                    proposal.plan.iter().map(|parcel| parcel.items.iter().map(|item| item.qty).sum()).collect(),
                )
            })
            .collect();
        found.sort_by_key(|(reason, _)| reason.to_string());
        assert_eq!(found, [(ProposalReason::Presale, vec![1, 1]), (ProposalReason::Weight, vec![4, 4, 1])]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_to_one_door_are_merged_if_the_operator_agrees() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(sku, 50).await;
        let buyer = t.add_customer("C1").await;
        let mut orders = Vec::new();
        for (i, wait) in [30, 30, 180].into_iter().enumerate() {
            let placed = t
                .shop
                .place_order(&buyer.caller, buyer.customer, &format!("key-0000000{i}"), buyer.wants(&[(sku, 1)]))
                .await
                .unwrap();
            t.shop.confirm_paid(&t.system(), placed.order).await.unwrap();
            orders.push(placed.order);
            t.clock.advance(wait * MINUTE);
        }
        let late =
            t.shop.place_order(&buyer.caller, buyer.customer, "key-00000009", buyer.wants(&[(sku, 1)])).await.unwrap();
        t.shop.confirm_paid(&t.system(), late.order).await.unwrap();
        t.shop.propose(&t.staff()).await.unwrap();
        let proposal = t.shop.proposals(&t.staff(), Some(ProposalState::Open)).await.unwrap().remove(0);
        assert_eq!((proposal.kind, &proposal.orders), (ProposalKind::Merge, &orders), "the fourth came too late");

        // One of them is cancelled meanwhile: nothing is merged.
        t.shop.cancel_order(&buyer.caller, orders[2], "").await.unwrap();
        assert_eq!(t.shop.accept_proposal(&t.staff(), proposal.id).await.unwrap(), ProposalState::Stale);
        t.shop.propose(&t.staff()).await.unwrap();
        let proposal = t.shop.proposals(&t.staff(), Some(ProposalState::Open)).await.unwrap().remove(0);
        assert_eq!(t.shop.accept_proposal(&t.staff(), proposal.id).await.unwrap(), ProposalState::Accepted);
        let parcel = t.shop.parcels(&t.staff(), orders[0]).await.unwrap().remove(0);
        assert_eq!(parcel.items.len(), 2);
        for order in &orders[..2] {
            t.shop.move_order(&t.staff(), *order, Act::Pick).await.unwrap();
            t.shop.move_order(&t.staff(), *order, Act::Pack).await.unwrap();
        }
        let shipped = t.shop.ship_parcel(&t.staff(), parcel.id, &Shipment::default()).await.unwrap();
        assert!(shipped.iter().all(|order| order.state == State::Shipped) && shipped.len() == 2);
        assert_eq!(t.stock(sku).await, (48, 1));
        let unknown = t.shop.decline_proposal(&t.staff(), proposal.id).await.unwrap_err();
        assert_eq!(unknown.code().name(), "PROPOSAL_CLOSED");
        assert_eq!(shipped[0].total, yuan("18.00"));
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_refunded_half_shipped_holds_nothing_any_more() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let skus = t.add_product("MIX", &["MIX-1", "MIX-2"]).await;
        let second = t.add_warehouse("W2", 2).await;
        t.receive(skus[0], 5).await;
        let count = Count { sku: skus[1], warehouse: second, batch: None, qty: 5 };
        t.shop.receive_stock(&t.staff(), &[count], "").await.unwrap();
        let buyer = t.add_customer("C1").await;
        let wanted = buyer.wants(&[(skus[0], 1), (skus[1], 1)]);
        let placed = t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", wanted).await.unwrap();
        t.shop.confirm_paid(&t.system(), placed.order).await.unwrap();
        t.shop.allocate_order(&t.staff(), placed.order).await.unwrap();
        for act in [Act::Pick, Act::Pack] {
            t.shop.move_order(&t.staff(), placed.order, act).await.unwrap();
        }
        let parcel = t.shop.parcels(&t.staff(), placed.order).await.unwrap().remove(0);
        t.shop.ship_parcel(&t.staff(), parcel.id, &Shipment::default()).await.unwrap();
        let lines = t.shop.order(&buyer.caller, placed.order).await.unwrap().1;
        let request = CaseRequest {
            kind: CaseKind::Refund,
            items: lines.iter().map(|line| (line.id, 1)).collect(),
            exchange_to: None,
            reason: Reason::Lost,
            note: String::new(),
        };
        for case in t.shop.apply_after_sale(&buyer.caller, placed.order, &request).await.unwrap() {
            t.shop.approve_case(&t.staff(), case.id, "").await.unwrap();
        }
        let ended = t.shop.order(&t.staff(), placed.order).await.unwrap().0;
        assert_eq!((ended.state, ended.paid), (State::Canceled, yuan("0.00")), "{}", db.name);
        assert_eq!(t.stock(skus[0]).await.1 + t.stock(skus[1]).await.1, 0, "{}", db.name);
        assert_eq!(t.shop.parcels(&t.staff(), placed.order).await.unwrap().len(), 1, "only what left is left");
        t.assert_books().await;
    }
}
