package schemas

import (
	"encoding/json"
	"fmt"
)

// ManifestFacts turns a manifest's facts into schemas that narrow the requests of
// each operation, by operation: advertised currencies, countries, capture modes and
// methods, and limits of amounts, cart items and descriptions. What a manifest does
// not advertise is refused; a limit of zero is none. manifest is any value whose JSON
// form is a manifest, such as an sdk.Manifest or a json.RawMessage.
//
// The host and the SDK both combine these with the manifest's own request schemas,
//
//	facts, err := schemas.ManifestFacts(manifest)
//	s, err := schemas.Compile("capture.request", facts["capture"], manifest.RequestSchemas["capture"])
//
// which is how both come to refuse the same set.
func ManifestFacts(manifest any) (map[string]json.RawMessage, error) {
	m, err := readFacts(manifest)
	if err != nil {
		return nil, err
	}
	money := object{"properties": object{"currency": m.currency()}}
	moved := object{"properties": object{"amount": money}}
	facts := make(map[string]json.RawMessage)
	for op, schema := range map[string]object{
		"authorize": m.authorize(),
		"capture":   moved,
		"refund":    moved,
		"increment": moved,
		"tokenize":  {"properties": object{"method": m.method()}},
		"zero_authorize": {"properties": object{
			"currency": m.currency(), "country": m.country(), "method": m.method(),
		}},
	} {
		schema["$schema"] = dialect
		if facts[op], err = json.Marshal(schema); err != nil {
			return nil, fmt.Errorf("narrowing %s by the manifest's facts: %w", op, err)
		}
	}
	return facts, nil
}

type object = map[string]any

// manifestFacts is the part of a manifest that narrows requests.
type manifestFacts struct {
	Methods []struct {
		Name string `json:"name"`
	} `json:"methods"`
	Countries  []string `json:"countries"`
	Currencies []struct {
		Code string `json:"code"`
	} `json:"currencies"`
	CaptureModes []string `json:"capture_modes"`
	Limits       struct {
		CartItems         int   `json:"cart_items"`
		MinAmount         int64 `json:"min_amount"`
		MaxAmount         int64 `json:"max_amount"`
		DescriptionLength int   `json:"description_length"`
	} `json:"limits"`
}

func readFacts(manifest any) (manifestFacts, error) {
	text, err := json.Marshal(manifest)
	if err != nil {
		return manifestFacts{}, fmt.Errorf("encoding the manifest: %w", err)
	}
	var m manifestFacts
	if err := json.Unmarshal(text, &m); err != nil {
		return manifestFacts{}, fmt.Errorf("reading the manifest's facts: %w", err)
	}
	return m, nil
}

func (m manifestFacts) authorize() object {
	minor := object{}
	if m.Limits.MinAmount > 0 {
		minor["minimum"] = m.Limits.MinAmount
	}
	if m.Limits.MaxAmount > 0 {
		minor["maximum"] = m.Limits.MaxAmount
	}
	properties := object{
		"amount":       object{"properties": object{"currency": m.currency(), "minor": minor}},
		"country":      m.country(),
		"capture_mode": advertised(m.CaptureModes, captureMethodUnsupported),
		"method":       m.method(),
	}
	if m.Limits.CartItems > 0 {
		properties["cart_items"] = object{"maxItems": m.Limits.CartItems}
	}
	if m.Limits.DescriptionLength > 0 {
		properties["description"] = object{"maxLength": m.Limits.DescriptionLength}
	}
	return object{"properties": properties}
}

func (m manifestFacts) currency() object {
	codes := make([]string, len(m.Currencies))
	for i, c := range m.Currencies {
		codes[i] = c.Code
	}
	return advertised(codes, unsupportedCurrency)
}

func (m manifestFacts) country() object { return advertised(m.Countries, countryUnsupported) }

func (m manifestFacts) method() object {
	names := make([]string, len(m.Methods))
	for i, method := range m.Methods {
		names[i] = method.Name
	}
	return advertised(names, paymentMethodUnsupported)
}

// advertised accepts the listed values and nothing else, so nothing at all where
// nothing is listed: the validator reads an empty enum as no restriction.
func advertised(values []string, reason string) object {
	if len(values) == 0 {
		return object{"not": object{}, "x-expected": "given, as this connector advertises none", "x-reason": reason}
	}
	return object{"enum": values, "x-reason": reason}
}
