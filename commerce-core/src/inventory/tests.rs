use super::*;
use crate::id::Mint;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_micros(1_000);
const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

struct Stocked {
    mint: Mint,
    warehouses: Vec<WarehouseId>,
    skus: Vec<SkuId>,
}

impl Stocked {
    fn new() -> Self {
        let mint = Mint::seeded(5);
        let warehouses = (0..3).map(|_| mint.id(NOW)).collect();
        let skus = (0..4).map(|_| mint.id(NOW)).collect();
        Self { mint, warehouses, skus }
    }

    fn pile(&self, sku: usize, warehouse: usize, free: i64, best_before: Timestamp) -> Pile {
        Pile {
            stock: self.mint.id(NOW),
            sku: self.skus[sku],
            warehouse: self.warehouses[warehouse],
            warehouse_rank: i64::try_from(warehouse).unwrap(),
            batch: None,
            best_before,
            received_at: NOW,
            free,
            set_aside: BTreeMap::new(),
        }
    }

    fn want(&self, sku: usize, qty: u32) -> Want {
        Want { line: self.mint.id(NOW), sku: self.skus[sku], qty, batch: None, activity: None, is_counted: true }
    }
}

#[test]
fn the_freshest_deadline_leaves_first_and_spoiled_goods_stay() {
    let shop = Stocked::new();
    let soon = shop.pile(0, 0, 5, Timestamp::from_micros(5_000));
    let later = shop.pile(0, 0, 5, Timestamp::from_micros(9_000));
    let spoiled = shop.pile(0, 0, 50, NOW);
    let mut shelf = Shelf::new(vec![later.clone(), spoiled, soon.clone()], HashMap::new());
    let takes = shelf.allocate(&[shop.want(0, 7)], NOW).unwrap();
    let taken: Vec<_> = takes.iter().map(|take| (take.stock, take.qty)).collect();
    assert_eq!(taken, [(soon.stock, 5), (later.stock, 2)]);
    assert_eq!(shelf.allocate(&[shop.want(0, 4)], NOW), Err(Shortage { sku: shop.skus[0], left: 3 }));
    assert_eq!(shelf.free(shop.skus[0], NOW), 3, "a refusal takes nothing");
}

#[test]
fn one_warehouse_that_has_everything_is_preferred() {
    let shop = Stocked::new();
    let piles = vec![shop.pile(0, 0, 9, NEVER), shop.pile(0, 1, 9, NEVER), shop.pile(1, 1, 9, NEVER)];
    let mut shelf = Shelf::new(piles, HashMap::new());
    let takes = shelf.allocate(&[shop.want(0, 2), shop.want(1, 2)], NOW).unwrap();
    assert!(takes.iter().all(|take| take.warehouse == shop.warehouses[1]));
    let split = shelf.allocate(&[shop.want(0, 12), shop.want(1, 2)], NOW).unwrap();
    assert_eq!(split.iter().map(|take| take.qty).sum::<i64>(), 14);
}

#[test]
fn bundles_that_share_a_sku_are_counted_together() {
    let shop = Stocked::new();
    let (a, b, bundle) = (shop.skus[0], shop.skus[1], shop.skus[2]);
    let parts = HashMap::from([(bundle, vec![Part { sku: a, qty: 2 }, Part { sku: b, qty: 1 }])]);
    let mut shelf = Shelf::new(vec![shop.pile(0, 0, 5, NEVER), shop.pile(1, 0, 9, NEVER)], parts);
    assert_eq!(shelf.free(bundle, NOW), 2);
    let refused = shelf.allocate(&[shop.want(2, 2), shop.want(0, 2)], NOW);
    assert_eq!(refused, Err(Shortage { sku: a, left: 1 }));
    shelf.allocate(&[shop.want(2, 2), shop.want(0, 1)], NOW).unwrap();
    assert_eq!(shelf.free(a, NOW), 0);
}

#[test]
fn an_activity_sells_only_what_was_set_aside_for_it() {
    let shop = Stocked::new();
    let activity: ActivityId = shop.mint.id(NOW);
    let mut pile = shop.pile(0, 0, 5, NEVER);
    pile.set_aside.insert(activity, 2);
    let mut shelf = Shelf::new(vec![pile], HashMap::new());
    let seckill = |qty| Want { activity: Some(activity), ..shop.want(0, qty) };
    assert_eq!(shelf.allocate(&[seckill(3)], NOW), Err(Shortage { sku: shop.skus[0], left: 2 }));
    shelf.allocate(&[seckill(2)], NOW).unwrap();
    assert_eq!(shelf.free(shop.skus[0], NOW), 5);
}

proptest! {
    #[test]
    fn what_is_taken_is_what_was_wanted_and_was_there(
        stock in prop::collection::vec((0_usize..4, 0_usize..3, 0_i64..20), 1..12),
        wants in prop::collection::vec((0_usize..4, 1_u32..15), 1..6),
    ) {
        let shop = Stocked::new();
        let piles: Vec<Pile> = stock.iter().map(|&(sku, warehouse, free)| shop.pile(sku, warehouse, free, NEVER)).collect();
        let wanted: Vec<Want> = wants.iter().map(|&(sku, qty)| shop.want(sku, qty)).collect();
        let enough = (0..4).all(|sku| {
            let wanted: i64 = wants.iter().filter(|w| w.0 == sku).map(|w| i64::from(w.1)).sum();
            wanted <= stock.iter().filter(|s| s.0 == sku).map(|s| s.2).sum()
        });
        let mut shelf = Shelf::new(piles.clone(), HashMap::new());
        let result = shelf.allocate(&wanted, NOW);
        prop_assert_eq!(result.is_ok(), enough);
        let takes = result.unwrap_or_default();
        for (i, pile) in piles.iter().enumerate() {
            let taken: i64 = takes.iter().filter(|take| take.stock == pile.stock).map(|take| take.qty).sum();
            prop_assert!(taken <= pile.free, "pile {} gave {} of {}", i, taken, pile.free);
        }
        if enough {
            for want in &wanted {
                prop_assert_eq!(takes.iter().filter(|take| take.line == want.line).map(|take| take.qty).sum::<i64>(), i64::from(want.qty));
            }
        }
        shelf.put_back(&takes);
        for sku in 0..4 {
            let there: i64 = stock.iter().filter(|s| s.0 == sku).map(|s| s.2).sum();
            prop_assert_eq!(shelf.free(shop.skus[sku], NOW), there);
        }
    }
}
