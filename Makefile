# The front door. Each target is a line or two over cargo.

ZHANGGUI = cargo run --quiet --package assistant --bin zhanggui --

.PHONY: help demo test check openapi-check fuzz setup sim bench docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: ## Open a whole shop on this machine, kept in ./data
	$(ZHANGGUI) demo

test: check ## Everything CI runs: lints, then every story on SQLite and on a private PostgreSQL
	cargo build --workspace --all-targets
	$(ZHANGGUI) with-postgres -- cargo test --workspace

check: setup ## Format and lints, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

openapi-check: ## The published contract is the served one and breaks no promise of the last committed one
	cargo test --quiet --package assistant --bins -- the_published_document
	@mkdir -p target && git show HEAD:docs/openapi.json > target/openapi.before.json
	$(ZHANGGUI) openapi --against target/openapi.before.json

fuzz: setup ## Throw at every operation what its document allows and what it does not
	cargo build --package assistant
	.ci/fuzz

setup: ## Install what the tests need beside Rust
	@.ci/setup

sim: ## Long simulations on both databases: make sim SEED=7 OPS=100000 SEEDS=10000
	$(ZHANGGUI) sim --seed $(or $(SEED),1) --ops $(or $(OPS),100000)
	$(ZHANGGUI) sim --seed $(or $(SEED),1) --money $(or $(SEEDS),10000)

bench: ## Orders, payments and statements on both databases, beside their yardsticks
	cargo build --release --package assistant
	$(or $(CARGO_TARGET_DIR),target)/release/zhanggui bench orders --db sqlite
	$(or $(CARGO_TARGET_DIR),target)/release/zhanggui bench orders --db postgres
	$(or $(CARGO_TARGET_DIR),target)/release/zhanggui bench payments --db sqlite
	$(or $(CARGO_TARGET_DIR),target)/release/zhanggui bench payments --db postgres
	$(or $(CARGO_TARGET_DIR),target)/release/zhanggui bench reconcile --db sqlite
	$(or $(CARGO_TARGET_DIR),target)/release/zhanggui bench reconcile --db postgres

docs: ## Print the generated pages of docs/ anew: the examples first, which are part of the document
	UPDATE_DOCS=1 cargo test --quiet --workspace --lib --bins -- the_page_is_printed every_operation_takes_part
	UPDATE_DOCS=1 cargo test --quiet --workspace --bins -- the_published_document

clean: ## Remove the demo shop
	rm -rf data
