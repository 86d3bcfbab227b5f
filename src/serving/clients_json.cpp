#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/serving/access.hpp>

#include "json_body.hpp"

namespace slipway::serving {

Result<std::vector<Client>> parse_clients(std::string_view text) {
  const auto root = nlohmann::json::parse(text, nullptr, false);
  if (root.is_discarded()) return invalid_input("no valid JSON: " + describe_json_error(text));
  if (!root.is_array()) return invalid_input("expected a list of clients");
  static const std::vector<std::string> members = {"name", "key_sha256", "certificate", "admin", "rate", "burst"};
  std::vector<Client> clients;
  for (const auto& entry : root) {
    const auto wrong = [&](std::string_view what) {
      return invalid_input(fmt::format("client {}: {}", clients.size() + 1, what));
    };
    if (!entry.is_object()) return wrong("expected an object");
    Client client;
    for (const auto& [key, value] : entry.items()) {
      if (key == "admin") {
        if (!value.is_boolean()) return wrong("admin: expected true or false");
        client.admin = value.get<bool>();
      } else if (key == "rate" || key == "burst") {
        if (!value.is_number() || value.get<double>() <= 0) return wrong(key + ": expected a number above 0");
        (key == "rate" ? client.rate : client.burst) = value.get<double>();
      } else if (key == "name" || key == "key_sha256" || key == "certificate") {
        if (!value.is_string()) return wrong(key + ": expected a text");
        (key == "name"         ? client.name
         : key == "key_sha256" ? client.key_sha256
                               : client.certificate) = value.get<std::string>();
      } else {
        return wrong(fmt::format("unknown member {}{}; expected {}", show_text(key), suggestion(key, members),
                                 list_names(members)));
      }
    }
    clients.push_back(std::move(client));
  }
  return clients;
}

}  // namespace slipway::serving
