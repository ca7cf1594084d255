package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// maxBody is the longest request that is read.
const maxBody = 1 << 20

// A call is one request to the API.
type call struct {
	endpoint  string // such as "POST /v1/payments"
	id        string // the path's
	origin    string // where this provider is reached
	key       string
	body      []byte
	query     map[string][]string
	merchant  *merchant
	payment   *payment // that it is about; nil if none is
	reference string   // of that payment
	replayed  bool
	acted     bool        // its key is used up: it took effect, or was declined
	header    http.Header // of the answer, beside what every answer has
}

// An operation does what an endpoint is for.
type operation func(*Provider, *call) (status int, body any, refused *refusal)

// read decodes the body. A field that the API does not have is refused: silence about
// a misspelt one could cost money.
func (c *call) read(into any) *refusal {
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return malformed("the body is not what is expected: " + err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed("something follows the body")
	}
	return nil
}

// about notes which payment the request concerns.
func (c *call) about(x *payment) { c.payment, c.reference = x, x.terms.Reference }

// authenticate returns whose request it is.
func (p *Provider) authenticate(header string) (*merchant, *refusal) {
	key, ok := strings.CutPrefix(header, "Bearer ")
	switch {
	case !ok || !strings.HasPrefix(key, "key_test_"):
		return nil, &refusal{status: http.StatusUnauthorized, code: "key_unknown", message: "the API key is unknown"}
	case strings.HasPrefix(key, "key_test_revoked"):
		return nil, &refusal{status: http.StatusUnauthorized, code: "key_revoked", message: "the API key was revoked"}
	case strings.HasPrefix(key, "key_test_restricted"):
		return nil, &refusal{status: http.StatusForbidden, code: "not_allowed", message: "the API key may not do this"}
	case strings.HasPrefix(key, "key_test_closed"):
		return nil, &refusal{status: http.StatusForbidden, code: "account_closed", message: "the account is closed"}
	}
	return p.merchant(key), nil
}

// render is an answer in bytes.
func render(status int, body any, r *refusal) (int, []byte) {
	if r != nil {
		status = r.status
		body = refusalShown{
			Error:   errorShown{Code: r.code, Message: r.message, Field: r.field, Network: r.network},
			Payment: r.payment,
		}
	}
	text, err := json.Marshal(body)
	if err != nil { // impossible: every body is made of strings and numbers
		return http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer cannot be written"}}`)
	}
	return status, text
}

type refusalShown struct {
	Error   errorShown    `json:"error"`
	Payment *paymentShown `json:"payment,omitempty"`
}

type errorShown struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Field   string   `json:"field,omitempty"`
	Network *network `json:"network,omitempty"`
}
