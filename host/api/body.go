package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/connectorhost/connectorhost/host/api/internal/strictjson"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// maxBody is the largest body that is read, in bytes.
const maxBody = 1 << 20

// A document is a request's body: as it was read, and in the one form that all ways
// of writing the same value have.
type document struct {
	value     map[string]any
	canonical []byte
}

// body reads a request's body and judges it by a schema. A request without a body,
// and one whose body is null, count as an empty object.
func (c *call) body(shape *schemas.Schema) (document, error) {
	value, err := c.object()
	if err != nil {
		return document{}, err
	}
	if broken := shape.Validate(value); len(broken) > 0 {
		return document{}, invalid(violations(broken)...)
	}
	canonical, err := strictjson.Canonical(value)
	if err != nil {
		return document{}, fmt.Errorf("encoding the body again: %w", err)
	}
	return document{value, canonical}, nil
}

// object reads the JSON object in the body.
func (c *call) object() (map[string]any, error) {
	text, err := io.ReadAll(http.MaxBytesReader(nil, c.Body, maxBody))
	if err != nil {
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, badRequest(fmt.Sprintf("The body is larger than %d bytes", tooLarge.Limit))
		}
		p := badRequest("The body could not be read")
		p.cause = err
		return nil, p
	}
	if len(text) == 0 {
		return map[string]any{}, nil
	}
	v, err := strictjson.Decode(text)
	if err != nil {
		return nil, badRequest("The body is not valid JSON: " + err.Error())
	}
	switch v := v.(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return v, nil
	}
	return nil, invalid(detail{inBody, "", "must be an object", string(sdk.CodeInvalidField)})
}

// into decodes a document that was found valid.
func (d document) into(v any) error {
	err := json.Unmarshal(d.canonical, v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		// Only a member whose name differs from a known one in case gets here.
		return invalid(detail{inBody, "", "has a member that cannot be read: " + wrong.Field, string(sdk.CodeInvalidField)})
	}
	return err
}

// violations are what a schema finds wrong, for the merchant.
func violations(broken []schemas.Violation) []detail {
	details := make([]detail, 0, len(broken))
	for _, v := range broken {
		details = append(details, detail{inBody, v.Pointer, v.Message, v.Reason()})
	}
	return details
}
