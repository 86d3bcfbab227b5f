#include "render.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <slipway/base/time.hpp>
#include <slipway/journal/json_text.hpp>

namespace slipway::journal {
void append_json(std::string& out, const Cell& cell) {
  if (const auto* number = std::get_if<double>(&cell))
    append_json_number(out, *number);
  else if (const auto* single = std::get_if<float>(&cell))
    append_json_number(out, *single);
  else if (const auto* integer = std::get_if<std::int64_t>(&cell))
    append_json_integer(out, *integer);
  else if (const auto* text = std::get_if<std::string_view>(&cell))
    append_json_string(out, *text);
  else
    out += "null";
}

namespace {

// 64 hexadecimal digits that equal values share, and nobody without the key can trace back.
void append_hash(std::string& out, std::string_view key, std::string_view value) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(value.data()),
       value.size(), digest, &size);
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (unsigned i = 0; i < size; ++i) {
    out += digits[digest[i] >> 4];
    out += digits[digest[i] & 15];
  }
  out += '"';
}

void append_hidden(std::string& out, const MaskRule& rule, std::string_view key, std::string_view value) {
  if (rule.hiding == Hiding::hash && value != "null")
    append_hash(out, key, value);
  else
    out += "null";
}

void append_inputs(std::string& out, const Record& record, const Masks& masks) {
  std::string value;
  std::string masked;
  for (std::size_t i = 0; i < record.inputs.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, record.input_names[i]);
    out += ':';
    const MaskRule* const rule = masks.rules.empty() ? nullptr : masks.find(record.input_names[i]);
    if (rule == nullptr) {
      append_json(out, record.inputs[i]);
      continue;
    }
    value.clear();
    append_json(value, record.inputs[i]);
    append_hidden(out, *rule, masks.key, value);
    masked += masked.empty() ? "" : ",";
    append_json_string(masked, record.input_names[i]);
  }
  out += '}';
  if (!masked.empty()) out.append(",\"masked\":[").append(masked).append("]");
}

}  // namespace

void render_record(std::string& out, const Record& record, const Masks& masks) {
  out += "\"time\":\"";
  out += format_time(record.time);
  out += "\",\"request_id\":";
  if (const MaskRule* rule = masks.rules.empty() ? nullptr : masks.find("request_id")) {
    std::string value;
    append_json_string(value, record.request_id);
    if (rule->hiding == Hiding::hash)
      append_hash(out, masks.key, value);
    else
      out += "\"\"";
  } else {
    append_json_string(out, record.request_id);
  }
  out += ",\"model\":";
  append_json_string(out, record.model);
  out += ",\"version\":";
  append_json_string(out, record.version);
  out += ",\"model_digest\":";
  append_json_string(out, record.model_digest);
  if (!record.role.empty()) {
    out += ",\"role\":";
    append_json_string(out, record.role);
  }
  out += ",\"inputs\":{";
  append_inputs(out, record, masks);
  if (record.scores.size() == 1) {
    out += ",\"score\":";
    append_json_number(out, record.scores[0]);
  } else {
    out += ",\"scores\":{";
    for (std::size_t i = 0; i < record.scores.size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, record.classes[i]);
      out += ':';
      append_json_number(out, record.scores[i]);
    }
    out += '}';
  }
  out += ",\"label\":";
  if (record.label.empty())
    out += "null";
  else
    append_json_string(out, record.label);
  out += ",\"findings\":[";
  for (std::size_t i = 0; i < record.findings.size(); ++i) {
    if (i > 0) out += ',';
    out += "{\"input\":";
    append_json_string(out, record.input_names[record.findings[i].input]);
    out += ",\"finding\":";
    append_json_string(out, record.findings[i].what);
    out += '}';
  }
  out += ']';
}

}  // namespace slipway::journal
