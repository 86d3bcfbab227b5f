// XML as a stream of text: elements open and close in order, nothing is held but the text and the open tags.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace slipway::package {

// Appends text with XML's special characters escaped, for element content and attribute values.
void append_escaped(std::string& out, std::string_view text);
std::string escaped(std::string_view text);
// Whether XML 1.0 can hold the text (no control characters but tab and line ends).
bool fits_xml(std::string_view text);

// Shortest form that reads back as the same number; "INF", "-INF" and "NaN" as XML Schema writes them.
std::string xml_number(float value);
std::string xml_number(double value);
void append_number(std::string& out, float value);

class XmlWriter {
 public:
  XmlWriter& open(std::string_view tag) {
    end_of_tag();
    out_ += "\n<";
    out_ += tag;
    open_.emplace_back(tag);
    in_tag_ = true;
    return *this;
  }
  XmlWriter& attribute(std::string_view name, std::string_view value) {
    out_ += ' ';
    out_ += name;
    out_ += "=\"";
    append_escaped(out_, value);
    out_ += '"';
    return *this;
  }
  XmlWriter& attribute(std::string_view name, std::size_t value) { return attribute(name, std::to_string(value)); }
  // Content that is XML already.
  XmlWriter& raw(std::string_view xml) {
    end_of_tag();
    out_ += xml;
    return *this;
  }
  XmlWriter& close() {
    if (in_tag_) {
      out_ += "/>";
      in_tag_ = false;
    } else {
      out_ += "</";
      out_ += open_.back();
      out_ += '>';
    }
    open_.pop_back();
    return *this;
  }
  // The text so far, for writers of many small elements; the tag before it is closed.
  std::string& body() {
    end_of_tag();
    return out_;
  }
  std::string take() && { return std::move(out_); }

 private:
  void end_of_tag() {
    if (in_tag_) out_ += '>';
    in_tag_ = false;
  }
  std::string out_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
  std::vector<std::string> open_;
  bool in_tag_ = false;
};

}  // namespace slipway::package
