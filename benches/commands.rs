//! Commands on a large device tree. See `benches/README.md`.

use divan::Bencher;
use impskit::diagnose::Report;
use impskit::dm::device::{Abilities, Device};
use impskit::dm::syncml::{Command, Item, Meta, Operation};
use impskit::dm::{Acl, Description, Node, Tree, Uri, check_tree, serialise};

fn main() {
    divan::main();
}

/// 100 interior nodes with 10 below each, and 100 leaves below each of those.
fn tree() -> Tree {
    let leaves = || (0..99).map(|number| Node::text(format!("leaf{number}"), "value"));
    let group = |number: usize| leaves().fold(Node::interior(format!("group{number}")), Node::with);
    let mut tree = Tree::new();
    tree.root_mut().acl = Acl::read("Add=*&Get=*&Replace=*&Delete=*").expect("a list");
    for number in 0..100 {
        let node = (0..10).map(group).fold(Node::interior(format!("node{number}")), Node::with);
        tree.add(&Uri::root(), node).expect("a node");
    }
    assert!((100_000..101_000).contains(&tree.len()), "{} nodes", tree.len());
    tree
}

/// 10,000 commands all over the tree: Replace, Get, Add with a parent, Delete of what was added, Replace of a list.
fn commands() -> Vec<Command> {
    let command = |number: usize| {
        let group = format!("./node{}/group{}", number % 100, number % 7);
        let item = |target: String, text: Option<&str>| {
            vec![Item { data: text.map(Into::into), meta: Meta::default(), ..Item::at(target) }]
        };
        let operation = match number % 5 {
            0 => Operation::Replace(item(format!("{group}/leaf{}", number % 99), Some("other"))),
            1 => Operation::Get(item(format!("{group}/leaf{}", number % 99), None)),
            2 => Operation::Add(item(format!("{group}/new{number}/leaf"), Some("new"))),
            3 => Operation::Delete(item(
                format!("./node{}/group{}/new{}", (number - 1) % 100, (number - 1) % 7, number - 1),
                None,
            )),
            _ => Operation::Replace(item(format!("{group}?prop=ACL"), Some("Add=*&Get=*&Replace=*&Delete=*"))),
        };
        Command::new(number.to_string(), operation)
    };
    (0..10_000).map(command).collect()
}

fn device(tree: Tree) -> Device<'static> {
    Device::new(tree, Description::bundled(), Abilities::default())
}

#[divan::bench]
fn load_100_000_nodes(bencher: Bencher<'_, '_>) {
    let octets = serialise::to_xml(&tree());
    bencher.bench(|| serialise::read(divan::black_box(&octets), &mut Report::new()).expect("a tree"));
}

#[divan::bench]
fn check_100_000_nodes(bencher: Bencher<'_, '_>) {
    let tree = tree();
    bencher.bench(|| check_tree(divan::black_box(&tree), Description::bundled(), &mut Report::new()));
}

#[divan::bench]
fn carry_out_10_000_commands(bencher: Bencher<'_, '_>) {
    let (tree, commands) = (tree(), commands());
    bencher.with_inputs(|| device(tree.clone())).bench_values(|mut device| {
        let done = device.carry_out("server", &commands);
        assert!(done.iter().all(|one| one.code == 200), "every command succeeds");
        device
    });
}

#[divan::bench]
fn roll_back_10_000_commands(bencher: Bencher<'_, '_>) {
    let tree = tree();
    let mut inside: Vec<_> = commands().into_iter().filter(|command| command.name() != "Get").collect();
    inside.push(Command::new("last", Operation::Delete(vec![Item::at("./none")])));
    let atomic = [Command::new("atomic", Operation::Atomic(inside))];
    let before = tree.clone();
    bencher.with_inputs(|| device(tree.clone())).bench_values(|mut device| {
        let done = device.carry_out("server", &atomic);
        assert_eq!(done[0].code, 507);
        device
    });
    let mut device = device(tree);
    device.carry_out("server", &atomic);
    assert!(*device.tree() == before, "the tree is as before");
}

/// One object with all its nodes, all or nothing.
#[divan::bench]
fn add_an_object_of_1_000_nodes(bencher: Bencher<'_, '_>) {
    let tree = tree();
    let leaves = (0..999).map(|number| Node::text(format!("leaf{number}"), "value"));
    let mut object = Tree::new();
    object.add(&Uri::root(), leaves.fold(Node::interior("object"), Node::with)).expect("a node");
    let target = impskit::dm::device::Target::read("./node1").expect("a target");
    bencher.with_inputs(|| device(tree.clone())).bench_values(|mut device| {
        device.add_document("server", &target, &object).expect("it may stand there");
        device
    });
}
