// Made-up card transactions of the kind that a bank has, dirt included: for examples, trials and tests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

#include <slipway/base/result.hpp>
#include <slipway/params/options.hpp>
#include <slipway/table/table.hpp>

namespace slipway::table {

struct SampleOptions {
  std::int64_t rows = 100000;
  std::uint64_t seed = 1;
  double drift = 0;
};

inline constexpr params::Option<SampleOptions> sample_options[] = {
    {"rows", &SampleOptions::rows, "number of transactions", {.minimum = 1, .maximum = 1e9}},
    {"seed", &SampleOptions::seed, "equal seeds give equal tables", {.minimum = 0}},
    {"drift",
     &SampleOptions::drift,
     "how far amounts, channels, states, card types and kinds of fraud have moved: 0 not at all, 1 markedly",
     {.minimum = 0, .maximum = 10}},
};

// Transactions over 30 days from 2026-01-01, in order of time; a card makes eight of them on average. Columns:
//   transaction_id     integer; unique but for the duplicates among the dirt
//   timestamp          time, whole seconds
//   card_id            integer
//   amount             number, dollars
//   num_transactions   integer: of the card in the 24 hours up to and including this row, those before the first row
//                      counted
//   state              text: of the 50 states and DC, where the transaction happened
//   channel            text: pos, online or atm
//   card_type          text: credit or debit
//   merchant_category  text, 15 categories
//   merchant_id        integer
//   is_fraud           integer: 0, or 1 for 0.5 % of the rows
// Fraud has three kinds: compromised cards (bursts, online, elsewhere), compromised merchants, and amounts far above
// the usual; each looks in part like ordinary behaviour, and some labels are wrong. Dirt: about 1 % of amounts, states
// and categories and 0.5 % of channels and card types are missing, 0.3 % of amounts are zero or negative, a few are
// absurd, 0.3 % of the rows stand twice, and 0.2 % stand again some seconds later under another transaction_id. Cards,
// merchants and their habits do not depend on the seed: without drift, samples differ by chance alone. The result
// depends on the options only. Errors: an option out of range.
Result<Table> sample_fraud(const SampleOptions& options);

// The same rows in blocks of `block_rows`, of which the last may have fewer. Memory: some 250 MB, one byte per row and
// a block; what is more lies in unnamed files among the temporary ones (TMPDIR), at most 60 bytes per row. An error of
// `each` ends it.
Status sample_fraud(const SampleOptions& options, std::size_t block_rows,
                    const std::function<Status(const Table&)>& each);

}  // namespace slipway::table
