#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/table/source.hpp>

namespace slipway::journal {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/journal_test_XXXXXX";
    root_ = ::mkdtemp(pattern);
    folder_ = root_ / "log";
  }
  void TearDown() override { fs::remove_all(root_); }

  std::unique_ptr<Writer> open(WriterOptions options = {}) {
    options.folder = folder_;
    auto writer = Writer::open(options);
    EXPECT_TRUE(writer.ok()) << writer.error().message();
    return writer.ok() ? std::move(writer).value() : nullptr;
  }
  std::vector<fs::path> files(const std::string& ending = ".ndjson") const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.path().string().ends_with(ending)) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
  }
  std::string content(const fs::path& file) const { return read_file(file).value(); }
  void overwrite(const fs::path& file, std::string_view text) const { ASSERT_TRUE(write_file(file, text).ok()); }
  // The error of verification, or "" if the log is sound.
  std::string broken() const {
    const auto result = verify_journal(folder_);
    return result.ok() ? "" : result.error().message();
  }

  fs::path root_, folder_;
};

const std::vector<std::string> names = {"amount", "count", "state"};
const float score = 0.25F;

// A record over static storage: amount, count 2, state "NY".
Record record(double amount, std::string_view request = "r") {
  static thread_local std::array<std::array<Cell, 3>, 64> slots;
  static thread_local std::size_t next = 0;
  auto& cells = slots[next++ % slots.size()];
  cells = {Cell(amount), Cell(std::int64_t{2}), Cell(std::string_view("NY"))};
  Record made;
  made.time = 1'780'000'000'000'000;
  made.request_id = request;
  made.model = "fraud";
  made.version = "3";
  made.model_digest = "abc";
  made.input_names = names;
  made.inputs = cells;
  made.scores = {&score, 1};
  made.label = "0";
  return made;
}

Status append_one(Writer& writer, const Record& one) { return writer.append(std::span(&one, 1)); }

TEST_F(JournalTest, LineHasTheDocumentedForm) {
  auto writer = open();
  Record one = record(100.5, "id-1");
  const Finding finding{2, "unseen"};
  one.findings = {&finding, 1};
  ASSERT_TRUE(append_one(*writer, one).ok());
  const std::string before =
      "{\"sequence\":1,\"time\":\"2026-05-28T20:26:40Z\",\"request_id\":\"id-1\",\"model\":\"fraud\",\"version\":\"3\","
      "\"model_digest\":\"abc\",\"inputs\":{\"amount\":100.5,\"count\":2,\"state\":\"NY\"},\"score\":0.25,\"label\":"
      "\"0\","
      "\"findings\":[{\"input\":\"state\",\"finding\":\"unseen\"}]";
  const std::string chain = sha256_hex(std::string(64, '0') + before + "}");
  ASSERT_EQ(files().size(), 1u);
  EXPECT_EQ(content(files()[0]), before + ",\"chain\":\"" + chain + "\"}\n");
}

TEST_F(JournalTest, ReadsBackWhatWasWritten) {
  auto writer = open();
  const std::vector<std::string> odd_names = {"amount", "name", "time", "code"};
  const std::vector<std::string> classes = {"a", "b"};
  const std::string odd = "quote \" back \\ line \n tab \t nul\x01 \xc3\xa9 \xf0\x9f\x98\x80";
  const std::array<Cell, 4> first = {Cell(0.1F), Cell(std::string_view(odd)), Cell(std::monostate()),
                                     Cell(std::int64_t{7})};
  const std::array<Cell, 4> second = {Cell(std::monostate()), Cell(std::string_view("")),
                                      Cell(std::string_view("2026-11-24T13:05:59Z")), Cell(std::string_view("x"))};
  const std::array<float, 2> scores = {0.1F, 0.9F};
  std::array<Record, 2> records;
  for (Record& one : records) {
    one.time = 1'000'000;
    one.request_id = "\"r\"";
    one.input_names = odd_names;
    one.scores = scores;
    one.classes = classes;
    one.label = "b";
  }
  records[0].inputs = first;
  records[1].inputs = second;
  ASSERT_TRUE(writer->append(records).ok());

  const auto read = read_journal(folder_);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_THAT(read->names(), ::testing::ElementsAre("sequence", "_time", "request_id", "model", "version", "amount",
                                                    "name", "time", "code", "score_a", "score_b", "label"));
  const auto cell = [&](const char* name, std::size_t row) { return read->find(name)->cell_text(row); };
  EXPECT_EQ(cell("amount", 0), "0.1");
  EXPECT_TRUE(read->find("amount")->is_missing(1));
  EXPECT_EQ(cell("name", 0), odd);
  EXPECT_EQ(cell("name", 1), "");
  EXPECT_FALSE(read->find("name")->is_missing(1));  // an empty text is no missing one
  EXPECT_EQ(cell("time", 1), "2026-11-24T13:05:59Z");
  EXPECT_TRUE(read->find("time")->is_missing(0));
  EXPECT_EQ(cell("code", 0), "7");  // became text because of the second row
  EXPECT_EQ(cell("code", 1), "x");
  EXPECT_EQ(cell("request_id", 0), "\"r\"");
  EXPECT_EQ(std::get<table::NumberColumn>(read->find("score_b")->data).values[0], 0.9F);
  EXPECT_EQ(cell("label", 1), "b");
  EXPECT_EQ(cell("_time", 0), "1970-01-01T00:00:01Z");

  ReadOptions options;
  options.inputs = {{"time", ColumnKind::time}, {"absent", ColumnKind::number}, {"code", ColumnKind::text}};
  const auto typed = read_journal(folder_, options);
  ASSERT_TRUE(typed.ok()) << typed.error().message();
  EXPECT_FALSE(typed->has("amount"));
  EXPECT_EQ(std::get<table::TimeColumn>(typed->find("time")->data).values[1], 1'795'525'559'000'000);
  EXPECT_TRUE(typed->find("absent")->is_missing(0));

  options.inputs = {{"name", ColumnKind::number}};
  EXPECT_THAT(read_journal(folder_, options).error().message(), HasSubstr("line 1: input 'name': expected a number"));
}

TEST_F(JournalTest, FiltersByModelAndTime) {
  auto writer = open();
  for (int i = 0; i < 4; ++i) {
    Record one = record(i);
    one.time = i * 10;
    one.version = i % 2 == 0 ? "3" : "4";
    ASSERT_TRUE(append_one(*writer, one).ok());
  }
  ReadOptions options;
  options.version = "3";
  EXPECT_EQ(read_journal(folder_, options)->rows(), 2u);
  options.from = 20;
  EXPECT_EQ(read_journal(folder_, options)->rows(), 1u);
  options.to = 20;
  EXPECT_EQ(read_journal(folder_, options)->rows(), 0u);
  options = {};
  options.model = "other";
  EXPECT_EQ(read_journal(folder_, options)->rows(), 0u);
}

TEST_F(JournalTest, EveryKindOfTamperingIsFound) {
  {
    auto writer = open();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(append_one(*writer, record(100 + i)).ok());
  }
  const fs::path file = files()[0];
  const std::string sound = content(file);
  ASSERT_EQ(broken(), "");
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < sound.size();) {
    const std::size_t end = sound.find('\n', at) + 1;
    lines.push_back(sound.substr(at, end - at));
    at = end;
  }
  const auto joined = [&](std::initializer_list<int> order) {
    std::string text;
    for (const int i : order) text += lines[static_cast<std::size_t>(i)];
    return text;
  };
  std::string changed = sound;
  changed.replace(changed.find("\"amount\":102"), 12, "\"amount\":902");
  overwrite(file, changed);
  EXPECT_THAT(broken(), HasSubstr("line 3: the chain does not fit"));
  overwrite(file, joined({0, 1, 3, 4}));
  EXPECT_THAT(broken(), HasSubstr("line 3"));
  overwrite(file, joined({0, 2, 1, 3, 4}));
  EXPECT_THAT(broken(), HasSubstr("line 2"));
  overwrite(file, joined({0, 1, 1, 2, 3, 4}));
  EXPECT_THAT(broken(), HasSubstr("line 3: sequence 2 comes after sequence 2"));
  overwrite(file, joined({1, 2, 3, 4}));  // the head was taken away: sound, and said
  EXPECT_EQ(broken(), "");
  EXPECT_FALSE(verify_journal(folder_)->from_the_beginning);
  EXPECT_EQ(verify_journal(folder_)->first_sequence, 2);
  overwrite(file, joined({0, 1, 2}));  // the end was cut off: only a chain kept elsewhere shows it
  EXPECT_EQ(broken(), "");
  EXPECT_EQ(verify_journal(folder_)->last_sequence, 3);
  changed = sound;
  changed.replace(changed.find("\"amount\":100"), 12, "\"amount\":900");
  overwrite(file, changed);
  EXPECT_THAT(broken(), HasSubstr("line 1: the chain does not fit"));
  overwrite(file, lines[0] + "nonsense\n" + lines[1]);
  EXPECT_THAT(broken(), HasSubstr("line 2: this is no line of a prediction log"));
  overwrite(file, sound);
  EXPECT_EQ(broken(), "");
}

TEST_F(JournalTest, RotatesBySizeAndCarriesTheChain) {
  WriterOptions options;
  options.segment_bytes = 1000;
  {
    auto writer = open(options);
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(append_one(*writer, record(i)).ok());
    EXPECT_EQ(writer->counters().segments, files().size());
  }
  EXPECT_GE(files().size(), 5u);
  for (const fs::path& file : files()) {
    EXPECT_LT(fs::file_size(file), 1500u);
    EXPECT_THAT(file.filename().string(), ::testing::MatchesRegex("[0-9]{8}T[0-9]{6}-[0-9]{6}[.]ndjson"));
  }
  auto verified = verify_journal(folder_);
  ASSERT_TRUE(verified.ok()) << verified.error().message();
  EXPECT_EQ(verified->lines, 20u);
  EXPECT_TRUE(verified->from_the_beginning);
  const auto read = read_journal(folder_);
  for (std::size_t row = 0; row < 20; ++row) EXPECT_EQ(read->find("sequence")->cell_text(row), std::to_string(row + 1));
  fs::remove(files()[2]);  // a whole segment removed
  EXPECT_THAT(broken(), HasSubstr("line 1: the chain does not fit"));
}

TEST_F(JournalTest, RotatesByAge) {
  WriterOptions options;
  options.segment_seconds = 1;
  auto writer = open(options);
  ASSERT_TRUE(append_one(*writer, record(1)).ok());
  ASSERT_TRUE(append_one(*writer, record(2)).ok());
  EXPECT_EQ(files().size(), 1u);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  ASSERT_TRUE(append_one(*writer, record(3)).ok());
  EXPECT_EQ(files().size(), 2u);
  EXPECT_EQ(broken(), "");
}

TEST_F(JournalTest, ATornLastLineIsSetAsideAndTheChainGoesOn) {
  {
    auto writer = open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(append_one(*writer, record(i)).ok());
  }
  const fs::path file = files()[0];
  const std::string sound = content(file);
  const std::string last = sound.substr(sound.rfind('\n', sound.size() - 2) + 1);
  // Killed in the middle of a line; a power cut that left blocks of zeros; a whole line of them.
  for (const std::string& torn :
       {last.substr(0, last.size() / 2), std::string(5000, '\0'), std::string(100, '\0') + "\n"}) {
    overwrite(file, sound + torn);
    fs::remove(file.string() + ".torn");
    EXPECT_EQ(open()->counters().written, 0u);
    EXPECT_EQ(content(file), sound);
    EXPECT_EQ(content(file.string() + ".torn"), torn);
    EXPECT_EQ(broken(), "");
  }
  {
    auto writer = open();
    ASSERT_TRUE(append_one(*writer, record(7)).ok());
  }
  EXPECT_EQ(verify_journal(folder_)->lines, 4u);
  EXPECT_EQ(verify_journal(folder_)->last_sequence, 4);

  // A segment of nothing but a torn line: the end is in the one before.
  const fs::path newest = files().back();
  overwrite(newest, "{\"sequence\":4,\"ti");
  {
    auto writer = open();
    ASSERT_TRUE(append_one(*writer, record(8)).ok());
  }
  EXPECT_EQ(broken(), "");
  EXPECT_EQ(verify_journal(folder_)->last_sequence, 4);
}

TEST_F(JournalTest, ReadersLeaveOutTheLineBeingWritten) {
  {
    auto writer = open();
    ASSERT_TRUE(append_one(*writer, record(1)).ok());
  }
  overwrite(files()[0], content(files()[0]) + "{\"sequence\":2,");
  EXPECT_EQ(read_journal(folder_)->rows(), 1u);
  EXPECT_EQ(verify_journal(folder_)->lines, 1u);
  overwrite(files()[0], content(files()[0]) + "\n");
  EXPECT_THAT(read_journal(folder_).error().message(), HasSubstr(".ndjson: line 2"));
}

TEST_F(JournalTest, AKilledWriterLosesNothingItAcknowledged) {
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto writer = open();
    for (std::int64_t i = 1;; ++i) {
      if (!append_one(*writer, record(static_cast<double>(i))).ok()) ::_exit(1);
      if (::write(pipes[1], &i, sizeof i) != sizeof i) ::_exit(2);
    }
  }
  ::close(pipes[1]);
  std::int64_t acknowledged = 0;
  while (acknowledged < 20 && ::read(pipes[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
  }
  ::kill(child, SIGKILL);
  while (::read(pipes[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
  }
  ::waitpid(child, nullptr, 0);
  ::close(pipes[0]);
  ASSERT_GE(acknowledged, 20);
  {
    auto writer = open();
    ASSERT_TRUE(append_one(*writer, record(-1)).ok());
  }
  const auto verified = verify_journal(folder_);
  ASSERT_TRUE(verified.ok()) << verified.error().message();
  EXPECT_GE(verified->last_sequence, acknowledged + 1);
  const auto read = read_journal(folder_);
  for (std::int64_t i = 0; i < acknowledged; ++i)
    ASSERT_EQ(read->find("amount")->cell_text(static_cast<std::size_t>(i)), std::to_string(i + 1));
}

TEST_F(JournalTest, OneWriterPerFolder) {
  auto writer = open();
  const auto second = Writer::open({.folder = folder_});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::conflict);
  EXPECT_THAT(second.error().message(), HasSubstr("process " + std::to_string(::getpid())));
  writer.reset();
  EXPECT_TRUE(Writer::open({.folder = folder_}).ok());
}

TEST_F(JournalTest, ConcurrentCallersShareFlushesAndKeepTheirRowsTogether) {
  auto writer = open();
  constexpr int threads = 8, rounds = 40;
  std::vector<std::thread> pool;
  std::atomic<int> failures = 0;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        const std::array<Record, 2> two = {record(t, id), record(i, id)};
        if (!writer->append(two).ok()) ++failures;
      }
    });
  for (std::thread& thread : pool) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(writer->counters().written, 2u * threads * rounds);
  EXPECT_EQ(writer->counters().pending, 0u);
  EXPECT_LE(writer->counters().flushes, 1u * threads * rounds);
  EXPECT_EQ(broken(), "");
  const auto read = read_journal(folder_);
  ASSERT_EQ(read->rows(), 2u * threads * rounds);
  for (std::size_t row = 0; row < read->rows(); row += 2) {
    const std::string id = read->find("request_id")->cell_text(row);
    EXPECT_EQ(read->find("request_id")->cell_text(row + 1), id);
    EXPECT_EQ(read->find("amount")->cell_text(row) + "-" + read->find("amount")->cell_text(row + 1), id);
  }
}

TEST_F(JournalTest, AsyncCountsWhatItLoses) {
  WriterOptions options;
  options.mode = Mode::async;
  options.queue_bytes = 100;  // less than a line
  auto writer = open(options);
  EXPECT_TRUE(append_one(*writer, record(1)).ok());
  EXPECT_TRUE(writer->flush().ok());
  EXPECT_EQ(writer->counters().lost, 1u);
  EXPECT_EQ(writer->counters().written, 0u);
  writer.reset();
  options.queue_bytes = 1 << 20;
  writer = open(options);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(append_one(*writer, record(i)).ok());
  EXPECT_TRUE(writer->flush().ok());
  EXPECT_EQ(writer->counters().written, 100u);
  EXPECT_EQ(verify_journal(folder_)->lines, 100u);
}

TEST_F(JournalTest, DurableRefusesWhenTheQueueIsFull) {
  WriterOptions options;
  options.queue_bytes = 100;
  auto writer = open(options);
  const Status status = append_one(*writer, record(1));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::unavailable);
  EXPECT_THAT(status.error().message(), HasSubstr("cannot keep up"));
  EXPECT_EQ(writer->counters().lost, 1u);
}

TEST_F(JournalTest, AFullDiskIsAnErrorAndTheLogStaysSound) {
  auto writer = open();
  ASSERT_TRUE(append_one(*writer, record(1)).ok());
  const auto size = fs::file_size(files()[0]);
  ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit old {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  struct rlimit small = old;
  small.rlim_cur = size + 100;  // the next line fits in part only
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = append_one(*writer, record(2));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::unavailable);
  EXPECT_THAT(status.error().message(), HasSubstr("cannot write"));
  EXPECT_EQ(writer->counters().lost, 1u);
  EXPECT_EQ(writer->counters().failures, 1u);
  ASSERT_TRUE(append_one(*writer, record(3)).ok());  // there is room again
  const auto verified = verify_journal(folder_);
  ASSERT_TRUE(verified.ok()) << verified.error().message();
  EXPECT_EQ(verified->lines, 2u);
  EXPECT_EQ(verified->missing, 1u);  // the hole says that a row was lost
  EXPECT_EQ(verified->last_sequence, 3);
}

TEST_F(JournalTest, DuckDbReadsASegment) {
  auto writer = open();
  ASSERT_TRUE(append_one(*writer, record(100.5, "a\"b")).ok());
  ASSERT_TRUE(append_one(*writer, record(7)).ok());
  auto database = table::Database::open(1);
  ASSERT_TRUE(database.ok()) << database.error().message();
  const auto read =
      database->fetch("select request_id, inputs.amount as amount, score, \"time\"::timestamp as at from read_json('" +
                      files()[0].string() + "') order by sequence");
  ASSERT_TRUE(read.ok()) << read.error().message();
  ASSERT_EQ(read->rows(), 2u);
  EXPECT_EQ(read->find("request_id")->cell_text(0), "a\"b");
  EXPECT_EQ(read->find("amount")->cell_text(0), "100.5");
  EXPECT_EQ(read->find("score")->cell_text(1), "0.25");
  EXPECT_EQ(read->find("at")->cell_text(1), "2026-05-28T20:26:40Z");
}

TEST_F(JournalTest, FieldsAreHiddenByRule) {
  {
    WriterOptions options;
    options.masks = {{"state", Hiding::hash}, {"amount", Hiding::redact}, {"request_id", Hiding::hash}};
    EXPECT_THAT(Writer::open([&] {
                  options.folder = folder_;
                  return options;
                }())
                    .error()
                    .message(),
                HasSubstr("a key of at least 16 bytes"));
    options.hash_key = "sixteen bytes or more";
    const auto writer = open(options);
    ASSERT_TRUE(append_one(*writer, record(1.5, "card-1")).ok());
    ASSERT_TRUE(append_one(*writer, record(2.5, "card-1")).ok());
  }
  const std::string text = content(files()[0]);
  for (const char* hidden : {"NY", "card-1", "1.5"}) EXPECT_EQ(text.find(hidden), std::string::npos) << hidden;
  EXPECT_THAT(text, HasSubstr("\"masked\":[\"amount\",\"state\"]"));
  EXPECT_EQ(broken(), "");
  std::vector<std::string> requests, states;
  ASSERT_TRUE(scan_journal(folder_, {}, [&](const LoggedRow& row) -> Status {
                requests.emplace_back(row.request_id);
                states.emplace_back(std::get<std::string_view>(row.inputs[2].second));
                EXPECT_EQ(row.masked.size(), 2u);
                EXPECT_TRUE(std::holds_alternative<std::monostate>(row.inputs[0].second));
                EXPECT_EQ(std::get<std::int64_t>(row.inputs[1].second), 2);
                return {};
              }).ok());
  // Equal values have equal hashes: HMAC-SHA-256 of the value as JSON.
  EXPECT_EQ(requests[0], requests[1]);
  EXPECT_EQ(states[0].size(), 64u);
  EXPECT_EQ(states[0], states[1]);
  const auto table = read_journal(folder_, {.inputs = {{"amount", ColumnKind::number}, {"count", ColumnKind::number}}});
  ASSERT_TRUE(table.ok()) << table.error().message();
  EXPECT_TRUE(table->find("amount")->is_missing(0));
}

TEST_F(JournalTest, ShadowRowsAreReadOnRequest) {
  const auto writer = open();
  Record shadow = record(1);
  shadow.role = "shadow";
  ASSERT_TRUE(append_one(*writer, shadow).ok());
  ASSERT_TRUE(append_one(*writer, record(2)).ok());
  EXPECT_EQ(read_journal(folder_)->rows(), 1u);
  EXPECT_EQ(read_journal(folder_, {.inputs = {}, .model = "", .version = "", .shadow = true})->rows(), 2u);
}

TEST_F(JournalTest, FullSegmentsArePackedAndOldOnesGo) {
  WriterOptions options;
  options.segment_bytes = 1;  // a segment per append
  options.pack = true;
  {
    const auto writer = open(options);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(append_one(*writer, record(i)).ok());
    for (int i = 0; i < 500 && writer->counters().packed < 4; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(writer->counters().packed, 4u);
  }
  EXPECT_EQ(files(".ndjson.zst").size(), 4u);
  EXPECT_EQ(files().size(), 1u);
  EXPECT_EQ(broken(), "");
  EXPECT_EQ(read_journal(folder_)->rows(), 5u);
  auto database = table::Database::open(1);
  ASSERT_TRUE(database.ok());
  const auto counted =
      database->fetch("select count(*) as n from read_json('" + (folder_ / "*.ndjson*").string() + "')");
  ASSERT_TRUE(counted.ok()) << counted.error().message();
  EXPECT_EQ(counted->find("n")->cell_text(0), "5");
  // The chain goes on behind a packed segment, and retention takes the oldest.
  fs::remove(files()[0]);
  options.keep_bytes = 1;
  {
    const auto writer = open(options);
    ASSERT_TRUE(append_one(*writer, record(9)).ok());
    for (int i = 0; i < 500 && writer->counters().removed < 4; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(writer->counters().removed, 4u);
  }
  const auto left = verify_journal(folder_);
  ASSERT_TRUE(left.ok()) << left.error().message();
  EXPECT_EQ(left->lines, 1u);
  EXPECT_EQ(left->first_sequence, 5);
  overwrite(folder_ / "20260101T000000-000001.ndjson.zst", "no frame");
  EXPECT_THAT(broken(), HasSubstr("cannot be unpacked"));
}

TEST_F(JournalTest, OddFolders) {
  EXPECT_EQ(read_journal(root_ / "absent").error().code(), ErrorCode::not_found);
  EXPECT_EQ(verify_journal(root_ / "absent").error().code(), ErrorCode::not_found);
  auto writer = open();
  EXPECT_EQ(read_journal(folder_)->rows(), 0u);  // nothing scored yet
  EXPECT_TRUE(writer->append({}).ok());
  EXPECT_TRUE(writer->flush().ok());
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(verify_journal(folder_)->lines, 0u);
  overwrite(root_ / "file", "x");
  EXPECT_FALSE(Writer::open({.folder = root_ / "file"}).ok());
}

}  // namespace
}  // namespace slipway::journal
