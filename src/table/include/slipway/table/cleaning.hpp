// Cleaning: ordered steps over a table of a Database that decide which rows train, and what each of them did. Cleaning
// never runs when serving.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace slipway::table {

struct CleaningStep {
  enum class Kind {
    drop_missing,     // rows that lack any of `columns` (empty: any column)
    fill_missing,     // `value` where `columns` lack one
    keep,             // rows of which `expression` is true; not those where it is null
    drop,             // rows of which `expression` is true; not those where it is null
    drop_duplicates,  // of rows equal in `columns` (empty: all, missing cells included) the first stays; a row that
                      // lacks a part of its key equals none
    drop_near_duplicates,  // rows at most `seconds` after another one that is equal in `columns`: text without regard
                           // to case and blanks, numbers rounded to `decimals`
    clip,                  // numbers of `columns` to [minimum, maximum]; infinite for no bound
    outliers,              // numbers of `columns` outside bounds that `method` finds over all rows: see `action`
    convert,               // `columns` to type `value` (number, integer, text, time or "time FORMAT"); what cannot be
                           // read as that becomes missing
    scale,                 // numbers of `columns` times `factor` plus `offset`, where `expression` holds (empty: all)
    normalise,             // text of `columns`: blanks at the ends gone, runs of blanks one blank, letter case, NFC
    merge_categories,      // `values` of `columns`, or those with fewer than `minimum_count` rows, become `value`
  };
  Kind kind;
  std::vector<std::string> columns = {};
  std::string expression = {};  // SQL condition
  double minimum = 0, maximum = 0;
  std::string value = {};
  std::vector<std::string> values = {};
  // outliers: iqr (threshold x interquartile range beyond the quartiles), z (threshold x standard deviation around the
  // mean) or mad (threshold x 1.4826 x median absolute deviation around the median).
  std::string method = {};
  double threshold = 0;     // 0: 1.5, 3 or 3.5, by the method
  std::string action = {};  // outliers: drop rows, clip to the bounds, or flag in a column NAME_outlier (0 or 1)
  std::string time = {};    // drop_near_duplicates: the column of times
  double seconds = 0;
  std::int64_t decimals = 2;
  double factor = 1, offset = 0;
  std::string letters = {};  // normalise: lower, upper or empty for as they are
  bool strip_accents = false;
  std::int64_t minimum_count = 0;
};

// The step as configured, on one line: "keep: amount > 0". Two steps that differ in effect differ in it.
std::string describe_step(const CleaningStep& step);

// A row that a step touched.
struct CleaningExample {
  std::int64_t row = 0;  // of the table before cleaning, from 1
  std::string what;      // "amount=-3, state=CA", or "amount: 120000 -> 9000"
};

struct CleaningCount {
  std::string step;  // describe_step
  std::int64_t rows_in = 0;
  std::int64_t rows_out = 0;
  std::int64_t rows_changed = 0;               // cells, where a step changes several columns
  std::vector<CleaningExample> examples = {};  // the first few
};

}  // namespace slipway::table
