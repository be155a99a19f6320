// Live migrations in SimGrid, one after another in one engine: what this study's preset `simgrid` is compared with.
//
// Standard input has a scenario a line: memory [bytes], working set [bytes], dirtied [bytes/s], link [bytes/s],
// latency [s]. Standard output has a line each: total [s], downtime [s], transfers (the passes and the last one, with
// the machine paused). A last line is the wall time [s] of the migrations, without what sets them up.
//
// A machine that does not converge makes SimGrid abort after 10^7 simulated seconds, so every scenario has to converge.

#include <chrono>
#include <cstdio>
#include <iostream>
#include <vector>

#include <simgrid/plugins/live_migration.h>
#include <simgrid/s4u.hpp>

namespace s4u = simgrid::s4u;
using Action = simgrid::kernel::resource::Action;

struct Scenario {
  double memory, working_set, dirtied, bandwidth, latency;
};

struct Result {
  double total = 0, paused_at = 0, downtime = 0;
  int finished = 0;
};

static const double FLOPS = 1e9;  // a second; the rate of writing is set for each machine, so any speed will do
// Work that outlasts every migration here, and still few enough digits that what a pass computes is not rounded away.
static const double WORK = 1e16;

static std::vector<Scenario> scenarios() {
  std::vector<Scenario> all;
  Scenario one;
  while (std::cin >> one.memory >> one.working_set >> one.dirtied >> one.bandwidth >> one.latency)
    all.push_back(one);
  return all;
}

// A running machine whose only processor is busy. It dirties `speed * intensity` bytes a second, and nothing at all
// where no migration speed is set.
static s4u::VirtualMachine* machine(s4u::Host* host, const Scenario& given) {
  auto* vm = host->create_vm("machine", 1, static_cast<size_t>(given.memory));
  vm->start();
  sg_vm_set_working_set_memory(vm, static_cast<sg_size_t>(given.working_set));
  sg_vm_set_migration_speed(vm, given.bandwidth);
  sg_vm_set_dirty_page_intensity(vm, given.dirtied / given.bandwidth);
  return vm;
}

static void watch(Result& current) {
  s4u::VirtualMachine::on_suspend_cb(
      [&current](const s4u::VirtualMachine&) { current.paused_at = s4u::Engine::get_clock(); });
  s4u::VirtualMachine::on_resume_cb([&current](const s4u::VirtualMachine&) {
    current.downtime = s4u::Engine::get_clock() - current.paused_at;
  });
  s4u::Link::on_communication_state_change_cb(
      [&current](const simgrid::kernel::resource::NetworkAction&, Action::State before) {
        current.finished += before == Action::State::STARTED;
      });
}

// Migrate one machine; returns the wall time that took.
static double migrate(s4u::Host* source, s4u::Host* target, const Scenario& given, Result& current) {
  auto* vm = machine(source, given);
  auto guest = s4u::Actor::create("guest", vm, [] { s4u::this_actor::execute(WORK); });
  s4u::this_actor::yield();  // the guest is at work before memory moves
  current = Result();
  const double began = s4u::Engine::get_clock();
  const auto start = std::chrono::steady_clock::now();
  sg_vm_migrate(vm, target);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  current.total = s4u::Engine::get_clock() - began;
  guest->kill();
  vm->destroy();
  return took.count();
}

static void migrate_all(s4u::Host* source, s4u::Host* target, s4u::Link* link, Result& current) {
  double seconds = 0;
  for (const auto& given : scenarios()) {
    link->set_bandwidth(given.bandwidth);
    link->set_latency(given.latency);
    seconds += migrate(source, target, given, current);
    // One that finished is the target's acknowledgement.
    std::printf("%.17g %.17g %d\n", current.total, current.downtime, current.finished - 1);
  }
  std::printf("%.9f\n", seconds);
}

int main(int argc, char** argv) {
  s4u::Engine engine(&argc, argv);
  sg_vm_live_migration_plugin_init();
  auto* zone = s4u::create_full_zone("cluster");
  auto* source = zone->create_host("source", FLOPS);
  auto* target = zone->create_host("target", FLOPS);
  auto* link = zone->create_link("link", 1e9);
  zone->add_route(source->get_netpoint(), target->get_netpoint(), nullptr, nullptr, {s4u::LinkInRoute(link)});
  zone->seal();
  Result current;
  watch(current);
  s4u::Actor::create("administrator", source, [&] { migrate_all(source, target, link, current); });
  engine.run();
}
