package schemas

import (
	"slices"
	"strings"
)

// A Violation is one reason for a document to be refused.
type Violation struct {
	// Pointer is an RFC 6901 JSON Pointer to the field at fault: also to one that is
	// missing, and to one that should not be there.
	Pointer string
	// Keyword is the JSON Schema keyword that was broken, as in "required" or
	// "maxLength"; "false" where a schema forbids a field outright; and "document"
	// where the document cannot be judged at all.
	Keyword string
	// Message says what would be right, and never what the value was. It reads on
	// from the name of the field: "is required", "must be at least 1".
	Message string

	reason string // what the schema's x-reason says; "" to derive it
}

// The reasons, strongest first: when a document is wrong in several ways, the first
// in this order decides. They are names of codes in package sdk.
const (
	paymentMethodUnsupported = "payment_method_unsupported"
	captureMethodUnsupported = "capture_method_unsupported"
	countryUnsupported       = "country_unsupported"
	unsupportedCurrency      = "unsupported_currency"
	amountOutOfRange         = "amount_out_of_range"
	missingField             = "missing_field"
	fieldTooLong             = "field_too_long"
	invalidField             = "invalid_field"
	schemaViolation          = "schema_violation"
)

// Reasons returns every name that [Violation.Reason] can give, strongest first: what
// this connector can never do comes before what a better request could.
func Reasons() []string {
	return []string{
		paymentMethodUnsupported, captureMethodUnsupported, countryUnsupported,
		unsupportedCurrency, amountOutOfRange, missingField, fieldTooLong, invalidField,
		schemaViolation,
	}
}

// ReasonFor returns the strongest reason among violations, and "" if there are none.
func ReasonFor(violations []Violation) string {
	given := make(map[string]bool)
	for _, v := range violations {
		given[v.Reason()] = true
	}
	for _, r := range Reasons() {
		if given[r] {
			return r
		}
	}
	return ""
}

// Reason names the violation in the vocabulary of package sdk, whose codes have the
// same names: both sides of the contract turn it into a code by conversion alone,
// and so give the same one.
func (v Violation) Reason() string {
	if v.reason != "" {
		return v.reason
	}
	field := v.Pointer[strings.LastIndexByte(v.Pointer, '/')+1:]
	switch v.Keyword {
	case "required", "dependentRequired":
		return missingField
	case "maxLength":
		return fieldTooLong
	case "enum", "const":
		if field == "currency" {
			return unsupportedCurrency
		}
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		if isAmount(field) {
			return amountOutOfRange
		}
	case "document", "false", "additionalProperties", "unevaluatedProperties", "anyOf", "oneOf", "not":
		return schemaViolation
	}
	return invalidField
}

func isAmount(field string) bool {
	return field == "minor" || field == "amount" || strings.HasSuffix(field, "_amount")
}

// Blames reports whether violations hold a field at, below or above one of pointers
// at fault, so that a further rule about it would say nothing new.
func Blames(violations []Violation, pointers ...string) bool {
	return slices.ContainsFunc(violations, func(v Violation) bool {
		return slices.ContainsFunc(pointers, func(p string) bool {
			return v.Pointer == p || strings.HasPrefix(v.Pointer, p+"/") || strings.HasPrefix(p, v.Pointer+"/")
		})
	})
}
