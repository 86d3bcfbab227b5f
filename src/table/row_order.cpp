#include "row_order.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/table/source.hpp>

namespace slipway::table {
namespace {

using Json = nlohmann::json;

enum class Plan { keeps_order, disturbs_order, adds_up };

struct Operators {
  std::set<std::string> names;
  bool inexact_aggregates = false;
};

// Aggregates whose value does not depend on the order in which rows come. A sum of whole numbers is planned as
// sum_no_overflow.
bool is_exact(std::string_view aggregate) {
  static const std::set<std::string, std::less<>> exact = {
      "count",   "count_star", "count_if", "countif",         "min",    "max",           "bool_and",     "bool_or",
      "bit_and", "bit_or",     "bit_xor",  "sum_no_overflow", "median", "quantile_cont", "quantile_disc"};
  return exact.contains(trim(aggregate.substr(0, aggregate.find('('))));
}

void collect_operators(const Json& node, Operators& operators) {
  if (node.is_array())
    for (const Json& child : node) collect_operators(child, operators);
  if (!node.is_object()) return;
  if (node.contains("name") && node["name"].is_string()) {
    const std::string name(trim(node["name"].get_ref<const std::string&>()));
    operators.names.insert(name);
    if (name.find("AGGREGATE") != std::string::npos || name.find("GROUP_BY") != std::string::npos) {
      // One aggregate is a text, several are a list of texts, none (DISTINCT) is an empty text.
      const Json listed = node.value("/extra_info/Aggregates"_json_pointer, Json(name));
      for (const Json& aggregate : listed.is_array() ? listed : Json::array({listed}))
        if (!aggregate.is_string() ||
            (!aggregate.get_ref<const std::string&>().empty() && !is_exact(aggregate.get_ref<const std::string&>())))
          operators.inexact_aggregates = true;
    }
  }
  if (node.contains("children")) collect_operators(node["children"], operators);
}

Plan judge_operators(const Operators& operators) {
  static const std::set<std::string> keepers = {"SEQ_SCAN",     "TABLE_SCAN",       "READ_PARQUET",    "PARQUET_SCAN",
                                                "READ_CSV",     "READ_CSV_AUTO",    "READ_JSON",       "READ_JSON_AUTO",
                                                "READ_NDJSON",  "PROJECTION",       "FILTER",          "DUMMY_SCAN",
                                                "EMPTY_RESULT", "COLUMN_DATA_SCAN", "RANGE",           "UNNEST",
                                                "LIMIT",        "STREAMING_LIMIT",  "STREAMING_WINDOW"};
  if (operators.inexact_aggregates) return Plan::adds_up;
  const bool keeps = std::all_of(operators.names.begin(), operators.names.end(),
                                 [](const std::string& name) { return keepers.contains(name); });
  return keeps ? Plan::keeps_order : Plan::disturbs_order;
}

Result<Plan> plan_of(Connection& connection, const std::string& query) {
  SLIPWAY_TRY(auto answer, connection.query("EXPLAIN (FORMAT json) FROM (" + query + "\n)"));
  Operators operators;
  for (const auto& row : answer.texts())
    for (const std::string& cell : row) collect_operators(Json::parse(cell, nullptr, false), operators);
  return operators.names.empty() ? Plan::adds_up : judge_operators(operators);
}

struct Modifiers {
  bool known = false;
  bool has_order = false;
  bool has_limit = false;
};

Modifiers modifiers_of(Connection& connection, const std::string& query) {
  Modifiers found;
  auto answer = connection.query("SELECT json_serialize_sql(" + quote_literal(query) + ")::VARCHAR");
  if (!answer.ok()) return found;
  const auto rows = answer->texts();
  const Json tree = rows.empty() ? Json() : Json::parse(rows[0][0], nullptr, false);
  if (!tree.is_object() || tree.value("error", true) || !tree.contains("statements") || tree["statements"].size() != 1)
    return found;
  const Json modifiers = tree["statements"][0].value("/node/modifiers"_json_pointer, Json::array());
  found.known = true;
  for (const Json& modifier : modifiers) {
    const std::string type = modifier.value("type", "");
    found.has_order |= type == "ORDER_MODIFIER";
    found.has_limit |= type.starts_with("LIMIT");
  }
  return found;
}

}  // namespace

Result<QueryResult> run_on_one_thread(Connection& connection, const std::string& sql) {
  SLIPWAY_CHECK(connection.run("SET threads = 1"));
  auto result = connection.query(sql);
  SLIPWAY_CHECK(connection.run("SET threads = " + std::to_string(connection.threads())));
  return result;
}

Result<QueryResult> run_in_order(Connection& connection, const std::string& prefix, const std::string& query) {
  // The line break ends a comment at the query's end.
  const std::string plain = prefix + " (" + query + "\n)";
  SLIPWAY_TRY(const Plan plan, plan_of(connection, query));
  if (plan == Plan::keeps_order) return connection.query(plain);
  const Modifiers modifiers = modifiers_of(connection, query);
  if (plan == Plan::adds_up || !modifiers.known || modifiers.has_limit) return run_on_one_thread(connection, plain);
  if (!modifiers.has_order) return connection.query(prefix + " (FROM (" + query + "\n) ORDER BY ALL)");
  const std::string unambiguous = query + "\n, COLUMNS(*)";
  if (!plan_of(connection, unambiguous).ok()) return run_on_one_thread(connection, plain);
  return connection.query(prefix + " (" + unambiguous + "\n)");
}

}  // namespace slipway::table
