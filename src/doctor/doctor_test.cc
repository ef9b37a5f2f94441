#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/checks.h"
#include "doctor/report.h"
#include "terminal/drawing.h"

namespace tapeline::doctor {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A machine with nothing to complain about; each test spoils one thing.
class FakeMachine : public os::Machine {
 public:
  std::map<std::string, std::string> files{
      {"/proc/sys/net/core/rmem_max", "16777216"},
      {"/proc/sys/net/core/netdev_max_backlog", "10000"},
      {"/proc/sys/net/ipv4/conf/all/rp_filter", "0"},
      {"/proc/sys/net/ipv4/conf/eth1/rp_filter", "2"},
      {"/proc/net/route",
       "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
       "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
       "eth1\t000000E0\t00000000\t0001\t0\t0\t0\t000000F0\t0\t0\t0\n"},
      {"/sys/class/net/eth1/flags", "0x1003"},
      {"/sys/class/net/eth1/operstate", "up"},
      {"/sys/class/net/lo/flags", "0x9"},
      {"/sys/class/net/lo/operstate", "unknown"},
      {"/proc/self/status",
       "Name:\ttapeline\nCpus_allowed:\tff\nCpus_allowed_list:\t0-3\nMems_allowed:\t1\n"},
      {"/proc/self/limits",
       "Limit                     Soft Limit           Hard Limit           Units     \n"
       "Max open files            20000                20000                files     \n"
       "Max locked memory         unlimited            unlimited            bytes     \n"},
      {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance"},
      {"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never"},
      {"/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc"},
      {"/sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm "},
  };
  Result<std::uint64_t> free{100ull << 30};
  Result<std::vector<std::uint64_t>> syncs{std::vector<std::uint64_t>{100'000, 300'000, 200'000}};
  std::optional<os::Timestamping> stamps{{.hardware = true, .software = true}};
  os::ClockQuality clock{os::ClockSource::chrony, true, 25'000, "chrony follows 10.0.0.1"};

  std::optional<std::string> read(const std::string& path) override {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::uint64_t> free_bytes(const std::string&) override { return free; }
  Result<std::vector<std::uint64_t>> sync_times_ns(const std::string&, std::size_t) override { return syncs; }
  std::optional<os::Timestamping> timestamping(const std::string&) override { return stamps; }
  os::ClockQuality clock_quality() override { return clock; }
};

class Doctor : public ::testing::Test {
 protected:
  Doctor() { config_.feed.interface = "eth1"; }

  // What it says of one subject; a finding without words where it says nothing.
  Finding finding(std::string_view subject) {
    for (const Finding& one : examine(config_, machine_))
      if (one.subject == subject) return one;
    return {};
  }

  void expect(std::string_view subject, Grade grade, const std::string& found, const std::string& command) {
    const Finding one = finding(subject);
    EXPECT_EQ(to_string(one.grade), to_string(grade)) << subject;
    EXPECT_THAT(one.found, HasSubstr(found));
    EXPECT_EQ(one.command, command);
  }

  FakeMachine machine_;
  config::Config config_;
};

TEST_F(Doctor, AGoodMachineIsFineInEveryRespect) {
  const std::vector<Finding> findings = examine(config_, machine_);
  EXPECT_EQ(findings.size(), 15);
  for (const Finding& one : findings) {
    EXPECT_EQ(one.grade, Grade::ok) << one.subject << ": " << one.found;
    EXPECT_EQ(one.command, "");
  }
  EXPECT_FALSE(anything_bad(findings));
}

TEST_F(Doctor, AMachineThatTellsNothingIsNoCrash) {
  machine_.files.clear();
  machine_.free = fail(ErrorCode::io, "cannot see");
  machine_.syncs = fail(ErrorCode::io, "cannot write");
  machine_.stamps.reset();
  machine_.clock = {};
  EXPECT_TRUE(anything_bad(examine(config_, machine_)));
  for (auto& [path, text] : FakeMachine().files)
    machine_.files[path] = "\xff nonsense 99999999999999999999999";
  EXPECT_TRUE(anything_bad(examine(config_, machine_)));
}

TEST_F(Doctor, ReceiveBuffer) {
  machine_.files["/proc/sys/net/core/rmem_max"] = "212992";
  expect("receive buffer", Grade::bad, "only 208 KiB of the 16 MiB",
         "sudo sysctl -w net.core.rmem_max=16777216");
  config_.feed.receive_buffer_bytes = 212'992;
  EXPECT_EQ(finding("receive buffer").grade, Grade::ok);
}

TEST_F(Doctor, PacketBacklog) {
  machine_.files["/proc/sys/net/core/netdev_max_backlog"] = "1000";
  expect("packet backlog", Grade::warn, "only 1000 packets",
         "sudo sysctl -w net.core.netdev_max_backlog=10000");
}

TEST_F(Doctor, Interface) {
  config_.feed.interface = "eth7";
  expect("interface", Grade::bad, "no interface eth7", "ip -brief link");
  config_.feed.interface = "eth1";
  machine_.files["/sys/class/net/eth1/flags"] = "0x1002";
  expect("interface", Grade::bad, "eth1 is down", "sudo ip link set eth1 up");
  machine_.files["/sys/class/net/eth1/flags"] = "0x1003";
  machine_.files["/sys/class/net/eth1/operstate"] = "down";
  expect("interface", Grade::bad, "no carrier", "ip -statistics link show eth1");
  machine_.files["/sys/class/net/eth1/operstate"] = "up";
  machine_.files["/sys/class/net/eth1/flags"] = "0x3";
  expect("interface", Grade::bad, "no multicast", "sudo ip link set eth1 multicast on");
  config_.feed.interface = "../../etc";
  EXPECT_EQ(finding("interface").grade, Grade::bad);
}

TEST_F(Doctor, LoopbackNeedsNoFlagAndNoRoute) {
  config_.feed.interface = "lo";
  machine_.files["/proc/net/route"] = "Iface\n";
  expect("interface", Grade::ok, "lo is up", "");
  expect("multicast route", Grade::ok, "needs none", "");
}

TEST_F(Doctor, MulticastRouteIsTheMostExactOne) {
  expect("multicast route", Grade::ok, "leads through eth1", "");
  machine_.files["/proc/net/route"] =
      "Iface\tDestination\tGateway\n"
      "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
      "eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
  expect("multicast route", Grade::warn, "leads through eth0", "sudo ip route add 224.0.0.0/4 dev eth1");
  machine_.files["/proc/net/route"] = "Iface\n";
  expect("multicast route", Grade::warn, "leads nowhere", "sudo ip route add 224.0.0.0/4 dev eth1");
}

TEST_F(Doctor, ReversePathFilter) {
  machine_.files["/proc/sys/net/ipv4/conf/eth1/rp_filter"] = "1";
  expect("reverse path filter", Grade::warn, "strict", "sudo sysctl -w net.ipv4.conf.eth1.rp_filter=2");
  machine_.files["/proc/sys/net/ipv4/conf/all/rp_filter"] = "2";  // The greater of the two counts.
  EXPECT_EQ(finding("reverse path filter").grade, Grade::ok);
}

TEST_F(Doctor, Timestamps) {
  machine_.stamps = {{.hardware = false, .software = true}};
  expect("timestamps", Grade::ok, "the kernel stamps packets", "");
  machine_.stamps.reset();
  expect("timestamps", Grade::warn, "when a packet is read", "");
}

TEST_F(Doctor, CoresAndIdling) {
  EXPECT_THAT(finding("cores").found, HasSubstr("spin"));
  config_.stream.idle = config::Idle::spin;
  expect("cores", Grade::ok, "4 cores, 3 workers", "");
  config_.feed.busy_poll = true;
  expect("cores", Grade::bad, "never sleep",
         "tapeline run --set stream.idle=park --set feed.busy_poll=false");
  config_ = {};
  machine_.files["/proc/self/status"] = "Cpus_allowed_list:\t5";
  expect("cores", Grade::warn, "1 core, 1 worker and", "");
  config_.stream.workers = 8;
  machine_.files["/proc/self/status"] = "Cpus_allowed_list:\t0-1,4\n";
  expect("cores", Grade::warn, "3 cores, 8 workers", "tapeline run --set stream.workers=2");
}

TEST_F(Doctor, Pinning) {
  config_.stream.pin_cpus = {1, 2};
  config_.stream.ingest_cpu = 3;
  EXPECT_EQ(finding("pinning").grade, Grade::ok);
  config_.stream.ingest_cpu = 4;
  expect("pinning", Grade::bad, "processor 4", "grep Cpus_allowed_list /proc/self/status");
}

TEST_F(Doctor, Governor) {
  machine_.files["/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"] = "powersave";
  expect("frequency", Grade::warn, "powersave",
         "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
}

TEST_F(Doctor, Limits) {
  machine_.files["/proc/self/limits"] =
      "Max open files            1023                 20000                files     \n"
      "Max locked memory         8388608              8388608              bytes     \n";
  expect("open files", Grade::bad, "only 1023", "ulimit -n 4096");
  expect("locked memory", Grade::warn, "only 8 MiB", "ulimit -l 65536");
}

TEST_F(Doctor, HugePages) {
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  machine_.files[path] = "[always] madvise never";
  expect("huge pages", Grade::warn, "stalls", "echo madvise | sudo tee " + path);
  machine_.files[path] = "always madvise [never]";
  expect("huge pages", Grade::warn, "never given", "echo madvise | sudo tee " + path);
}

TEST_F(Doctor, FreeSpace) {
  config_.data.folder = "/data of mine";
  machine_.free = 2ull << 30;
  expect("free space", Grade::warn, "only 2 GiB", "df -h '/data of mine'");
  machine_.free = 1'000'000;
  EXPECT_EQ(finding("free space").grade, Grade::bad);
}

TEST_F(Doctor, WriteDelay) {
  machine_.syncs = std::vector<std::uint64_t>{30'000'000, 1'000'000, 40'000'000};
  expect("write delay", Grade::warn, "in 30.0 ms, at worst 40.0 ms", "findmnt --target tapeline-data");
  machine_.syncs = std::vector<std::uint64_t>{2'000'000};
  EXPECT_EQ(finding("write delay").grade, Grade::ok);
  config_.log_feed.fsync = config::Fsync::batch;
  EXPECT_EQ(finding("write delay").grade, Grade::warn);
}

TEST_F(Doctor, ClockSource) {
  const std::string folder = "/sys/devices/system/clocksource/clocksource0";
  machine_.files[folder + "/current_clocksource"] = "hpet";
  expect("clock source", Grade::warn, "hpet", "echo tsc | sudo tee " + folder + "/current_clocksource");
  machine_.files[folder + "/available_clocksource"] = "hpet acpi_pm";
  expect("clock source", Grade::warn, "no faster one", "");
}

TEST_F(Doctor, Synchronisation) {
  machine_.clock.error_bound_ns = 5'000'000;
  expect("synchronisation", Grade::warn, "within 5.0 ms", "chronyc -n sources");
  machine_.clock = {os::ClockSource::kernel, false, std::nullopt, "nothing steers the kernel's clock"};
  expect("synchronisation", Grade::warn, "mean nothing", "sudo apt-get install chrony");
  config_.feed.interface = "lo";
  expect("synchronisation", Grade::ok, "shares the clock", "");
}

TEST(DoctorText, ListsOfProcessors) {
  EXPECT_EQ(parse_cpu_list("0-2,7").value(), (std::vector<std::uint64_t>{0, 1, 2, 7}));
  for (const char* text : {"a", "1-", "2-1", "0-99999999999", "1,,2", "1 2"})
    EXPECT_FALSE(parse_cpu_list(text)) << text;
}

TEST(DoctorReport, At70Columns) {
  const std::vector<Finding> findings{{Grade::ok, "network", "interface", "eth1 is up and takes multicast"},
                                      {Grade::bad, "network", "receive buffer",
                                       "the kernel grants only 208 KiB of the 16 MiB: bursts will be lost",
                                       "sudo sysctl -w net.core.rmem_max=16777216"},
                                      {Grade::warn, "clock", "clock source", "hpet"}};
  EXPECT_EQ(draw_report(findings, {.width = 70}),
            R"(── network ───────────────────────────────────────────────────────────
  ok    interface       eth1 is up and takes multicast
  bad   receive buffer  the kernel grants only 208 KiB of the 16 MiB:
                        bursts will be lost
                        $ sudo sysctl -w net.core.rmem_max=16777216
── clock ─────────────────────────────────────────────────────────────
  warn  clock source    hpet
──────────────────────────────────────────────────────────────────────
1 ok, 1 to look at, 1 bad: mend what is bad before you rely on this machine
)");
}

TEST(DoctorReport, Json) {
  const std::string text = report_json({{Grade::bad, "disk", "free space", "\xff none", "df -h \"x\""}});
  EXPECT_THAT(text, StartsWith("{\n  \"ok\": 0,\n  \"warn\": 0,\n  \"bad\": 1,"));
  EXPECT_THAT(text, HasSubstr("\"command\": \"df -h \\\"x\\\"\""));
}

}  // namespace
}  // namespace tapeline::doctor
