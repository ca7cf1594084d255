// Package schemas says what the data means: it holds the JSON Schemas of every
// payload of the connector contract and of the merchants' HTTP API, and judges
// documents by them.
//
// The files of v1 are JSON Schema 2020-12, for readers in any language; README.md
// lists them. "authorize.request" names the file v1/authorize.request.schema.json.
// [Compile] combines one of them with schemas that narrow it, such as those of a
// connector's manifest: a document must satisfy all of them.
//
// # What a request may carry
//
// Requests and answers of the contract are open and closed at the right places: a
// field that a newer minor version added is ignored, so an old connector survives a
// new host, but a value outside a closed set, such as a capture mode of tomorrow, is
// refused rather than read as something else. Payloads of the HTTP API are closed at
// the top level: a merchant's misspelt field is an error, not a silent loss.
//
// # Dialect
//
// Formats are asserted. "int64" is added to the standard ones: an integer written
// without fraction or exponent that fits 64 bits. Patterns are searched for, not
// anchored, and are Go regular expressions (RE2): the part that they share with ECMA
// 262 is what a schema should keep to, so no look-around and no back-references.
// String lengths count Unicode code points. Two annotations steer what is reported:
//
//   - "x-expected" says in words what would be right, as in "an ISO 3166-1 country
//     code such as JP", where a pattern, a format or a list says it badly.
//   - "x-reason" gives the schema's keywords another [Violation.Reason].
//
// # What this package does not do
//
// It reads no file and opens no connection: a schema refers to the files of v1 or to
// itself, and a narrowing schema only to itself. It bounds the size of a narrowing
// schema and the depth and numbers of a document, but it does not bound the time
// that a schema made to be slow can take; whoever accepts a connector's manifest
// accepts its schemas. It never puts an offending value into a message.
package schemas
