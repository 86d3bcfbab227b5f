#include "render.hpp"

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

void render_record(std::string& out, const Record& record) {
  out += "\"time\":\"";
  out += format_time(record.time);
  out += "\",\"request_id\":";
  append_json_string(out, record.request_id);
  out += ",\"model\":";
  append_json_string(out, record.model);
  out += ",\"version\":";
  append_json_string(out, record.version);
  out += ",\"model_digest\":";
  append_json_string(out, record.model_digest);
  out += ",\"inputs\":{";
  for (std::size_t i = 0; i < record.inputs.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, record.input_names[i]);
    out += ':';
    append_json(out, record.inputs[i]);
  }
  if (record.scores.size() == 1) {
    out += "},\"score\":";
    append_json_number(out, record.scores[0]);
  } else {
    out += "},\"scores\":{";
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
