// The prediction log: one line of JSON per scored row, in append-only segments, each line chained to the one before by
// SHA-256, so that a change, a removal or a swap shows.
//
// On disk: DIR/<yyyymmddThhmmss>-<number>.ndjson, numbered from 1; DIR/.lock is held by the one writer. A segment that
// is full may be packed to .ndjson.zst. A line is
//   {"sequence":17,"time":"...Z","request_id":"...","model":"fraud","version":"3","model_digest":"...",
//    "inputs":{"amount":12.5,"state":null,...},"score":0.25,"label":"0","findings":[{"input":"state","finding":"unseen"}],
//    "chain":"<64 hexadecimal digits>"}
// where chain = SHA-256(chain of the line before, as those digits, then this line without its chain member). The first
// line follows 64 zeros; the chain goes on from segment to segment. Several classes have "scores":{"class":...} instead
// of "score". "role":"canary" or "role":"shadow" stands behind the digest of a row that the traffic rules sent to
// another version; a shadow's row was not answered. "masked":["card_id"] stands behind the inputs where rules hide some
// of them: their values are null (redacted) or 64 hexadecimal digits (hashed with a key, so that equal values stay
// equal). A hole in the sequence is rows that were lost and counted (mode async, or a disk that could not be written).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/table/table.hpp>

namespace slipway::journal {

// A raw value as it was received; std::monostate is a missing one.
using Cell = std::variant<std::monostate, double, float, std::int64_t, std::string_view>;

// Appends a value as JSON: a number that reads back as the same, a quoted text, or null.
void append_json(std::string& out, const Cell& cell);

// Something about an input that training had not seen; counted, whatever the rule for it was.
struct Finding {
  std::uint32_t input;    // index into Record::input_names
  std::string_view what;  // "out of range", "clamped", "unseen"
};

// One scored row. Views only: they need to live as long as the call that takes the record.
struct Record {
  std::int64_t time = 0;  // microseconds since 1970-01-01 UTC
  std::string_view request_id;
  std::string_view model;
  std::string_view version;
  std::string_view model_digest;
  std::string_view role;  // "" (the answer was sent), "canary" (likewise), "shadow" (it was not)
  std::span<const std::string> input_names;
  std::span<const Cell> inputs;          // one per name
  std::span<const float> scores;         // one number ("score"), or one per class ("scores")
  std::span<const std::string> classes;  // the names of several scores
  std::string_view label;                // "" (regression) writes null
  std::span<const Finding> findings;
};

enum class Mode : std::uint8_t {
  durable,  // a row is acknowledged after fdatasync; concurrent callers share one (group commit)
  async,    // never waits: rows go through a bounded queue; those that find it full are lost, and counted
};

// How a field is hidden before it reaches the log.
enum class Hiding : std::uint8_t {
  redact,  // its value is null
  hash,    // HMAC-SHA-256 of its value as JSON
};
struct MaskRule {
  std::string field;  // an input, or "request_id"
  Hiding hiding = Hiding::redact;
};

struct WriterOptions {
  std::filesystem::path folder;
  Mode mode = Mode::durable;
  std::vector<MaskRule> masks = {};
  std::string hash_key = {};                     // for Hiding::hash; needed if a rule has it, at least 16 bytes
  bool pack = false;                             // full segments are packed with zstd, in the background
  std::uint64_t keep_bytes = 0;                  // full segments beyond this go, oldest first; 0: all are kept
  std::int64_t keep_seconds = 0;                 // full segments last written before this go; 0: all are kept
  std::uint64_t segment_bytes = 256ull << 20;    // a new segment once this is reached
  std::int64_t segment_seconds = 24 * 3600;      // ... or once it is this old
  std::uint64_t queue_bytes = 64ull << 20;       // rows waiting for the disk
  std::int64_t async_flush_milliseconds = 1000;  // async: at most this much time between two flushes to disk
};

// What a writer has done since it was opened.
struct Counters {
  std::uint64_t written = 0;   // rows on disk
  std::uint64_t lost = 0;      // rows that are not in the log: queue full, or the disk refused them
  std::uint64_t failures = 0;  // writes or flushes that the disk refused
  std::uint64_t pending = 0;   // rows taken and not yet on disk (the lag)
  std::uint64_t bytes = 0;     // written
  std::uint64_t segments = 0;  // begun
  std::uint64_t flushes = 0;   // fdatasync calls
  std::uint64_t packed = 0;    // segments packed
  std::uint64_t removed = 0;   // segments that retention took away
};

// The writer of a folder. Safe for concurrent use.
class Writer {
 public:
  // Called once, from the writer's thread (or from append, when the row is refused at once).
  using Completion = std::function<void(Status)>;

  // Makes the folder if needed, takes its lock (conflict if another writer has it), and continues the last segment: a
  // torn last line (crash, power cut) is moved to <segment>.torn first.
  static Result<std::unique_ptr<Writer>> open(WriterOptions options);
  // Flushes what is pending.
  ~Writer();

  // Durable: returns after the rows are on disk, or with the disk's error (unavailable; the rows are then not in the
  // log). Async: returns at once; a full queue is counted in `lost` and is no error.
  Status append(std::span<const Record> records);
  // The same without waiting: `done` is called when the rows are on disk (durable) or queued (async).
  void append(std::span<const Record> records, Completion done);
  // Returns when all that was taken so far is on disk, or with the last error of the disk.
  Status flush();
  Counters counters() const;
  const std::filesystem::path& folder() const;
  Mode mode() const;

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// How to read an input that the model knows.
enum class ColumnKind : std::uint8_t { number, text, time };
struct InputColumn {
  std::string name;
  ColumnKind kind = ColumnKind::number;
};

struct ReadOptions {
  std::vector<InputColumn> inputs = {};  // empty: those in the log, as numbers where all values are numbers, else text
  std::string model = {};                // only rows of this model; empty = all
  std::string version = {};              // only rows of this version; empty = all
  std::int64_t from = std::numeric_limits<std::int64_t>::min();  // microseconds, inclusive
  std::int64_t to = std::numeric_limits<std::int64_t>::max();    // microseconds, exclusive
  bool shadow = false;                                           // also rows that a shadow version scored
};

// A line of the log. Views only: they live as long as the call that is given it.
struct LoggedRow {
  std::int64_t sequence = 0;
  std::int64_t time = 0;  // microseconds since 1970-01-01 UTC
  std::string_view request_id, model, version, model_digest, role;
  std::vector<std::pair<std::string_view, Cell>> inputs;
  std::vector<std::string_view> masked;                     // inputs whose values are hidden
  std::vector<std::pair<std::string_view, double>> scores;  // by class; one named "" where there is a single score
  std::string_view label;
};

// Gives every row that the options ask for to `row`, in the order of writing, one segment in memory at a time;
// `options.inputs` is not looked at. An error that `row` gives ends it. Unreadable lines as in read_journal.
Status scan_journal(const std::filesystem::path& folder, const ReadOptions& options,
                    const std::function<Status(const LoggedRow&)>& row);

// The log as a table, in the order of writing: sequence, time, request_id, model, version, the inputs by name, score
// (or score_<class>), label; a masked value is missing where it is no text. A column of the log whose name an input has
// gets a leading underscore ("_time"). The half written last line of a running writer is left out; any other unreadable
// line is an error that names file and line.
Result<table::Table> read_journal(const std::filesystem::path& folder, const ReadOptions& options = {});

struct Verification {
  std::uint64_t lines = 0;
  std::uint64_t segments = 0;
  std::int64_t first_sequence = 0;  // above 1 in the first line: older segments were taken away
  std::int64_t last_sequence = 0;
  std::uint64_t missing = 0;        // holes in the sequence: rows lost and counted when they were scored
  bool from_the_beginning = false;  // the chain was checked from its first line ever
  std::string chain;                // of the last line; kept elsewhere, it proves that the end was not cut off
};

// Recomputes the chain. The first line that does not fit is a check_failed error naming file, line and what is wrong.
Result<Verification> verify_journal(const std::filesystem::path& folder);

}  // namespace slipway::journal
