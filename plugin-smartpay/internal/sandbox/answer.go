package sandbox

import (
	"errors"
	"net/http"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// answer is what a request gets. A nil body is sent without a content type:
// one of the provider's clients fails on an empty body that claims to be JSON.
type answer struct {
	status   int
	body     []byte
	opened   *book.Session // what the body tells of, where it is a session just opened
	replayed bool
	length   int               // what to promise instead of the body's own length; 0 means that
	header   map[string]string // these, and no content type of ours
}

func ok(v any) answer { return answer{status: http.StatusOK, body: wire.Encode(v)} }

// problem is the shape of every error but 401.
type problem struct {
	StatusCode int       `json:"statusCode"`
	ErrorCode  book.Code `json:"errorCode"`
	Message    string    `json:"message"`
	Details    []string  `json:"details"`
}

// unauthorized is the shape of a 401: no errorCode, no message.
type unauthorized struct {
	StatusCode int    `json:"statusCode"`
	Scheme     string `json:"scheme"`
	Realm      string `json:"realm"`
}

// Codes that the books do not use. Those marked "ours" were invented here.
const (
	requestMalformed    book.Code = "request.malformed"          // [INF]
	routeNotFound       book.Code = "request.not-found"          // ours
	methodNotAllowed    book.Code = "request.method-not-allowed" // ours
	idempotencyConflict book.Code = "idempotency.conflict"       // ours

	idempotencyInProgress book.Code = "idempotency.in-progress" // ours; only where a fault asks for it
)

// statuses gives the HTTP status of every code (smartpay-api.md §10.2). An
// overdrawn refund is 403 and an overdrawn capture 409: that is no slip.
var statuses = map[book.Code]int{
	book.RequestInvalid:        http.StatusBadRequest,
	requestMalformed:           http.StatusBadRequest,
	book.TokenInvalid:          http.StatusBadRequest,
	book.InsufficientAmount:    http.StatusForbidden,
	book.SessionNotFound:       http.StatusNotFound,
	book.OrderNotFound:         http.StatusNotFound,
	book.PaymentNotFound:       http.StatusNotFound,
	book.RefundNotFound:        http.StatusNotFound,
	book.TokenNotFound:         http.StatusNotFound,
	book.CouponNotFound:        http.StatusNotFound,
	book.PromotionCodeNotFound: http.StatusNotFound,
	book.EndpointNotFound:      http.StatusNotFound,
	routeNotFound:              http.StatusNotFound,
	methodNotAllowed:           http.StatusMethodNotAllowed,
	book.CannotCancel:          http.StatusConflict,
	book.CannotCapture:         http.StatusConflict,
	book.ExcessiveAmount:       http.StatusConflict,
	book.PromotionCodeExists:   http.StatusConflict,
	idempotencyConflict:        http.StatusConflict,
	idempotencyInProgress:      http.StatusConflict,
}

// failure spells an error. One that is no refusal is the sandbox's own fault.
func failure(err error) answer {
	var invalid *invalidRequest
	if errors.As(err, &invalid) {
		return refused(invalid.code, invalid.message, invalid.details...)
	}
	var refusal *book.Refusal
	if errors.As(err, &refusal) {
		return refused(refusal.Code, refusal.Message)
	}
	body := wire.Encode(problem{
		StatusCode: http.StatusInternalServerError, ErrorCode: "unexpected", Message: err.Error(), Details: []string{},
	})
	return answer{status: http.StatusInternalServerError, body: body}
}

func refused(code book.Code, message string, details ...string) answer {
	if details == nil {
		details = []string{}
	}
	status := statuses[code]
	body := wire.Encode(problem{StatusCode: status, ErrorCode: code, Message: message, Details: details})
	return answer{status: status, body: body}
}

func notAuthorized() answer {
	return answer{
		status: http.StatusUnauthorized,
		body:   wire.Encode(unauthorized{StatusCode: http.StatusUnauthorized, Scheme: "Basic", Realm: realm}),
	}
}

// headerReplayed marks an answer kept under an idempotency key. [INF]: only
// the first letters of its name, "Idempotency-R", could be read.
const headerReplayed = "Idempotency-Replayed"

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	if len(a.body) > 0 || a.length > 0 {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	h.Set("Content-Length", a.contentLength())
	if a.replayed {
		h.Set(headerReplayed, "true")
	}
	if a.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="`+realm+`"`)
	}
	for name, value := range a.header {
		h.Set(name, value)
	}
	if a.status == http.StatusNoContent {
		h.Del("Content-Length")
	}
	w.WriteHeader(a.status)
	// A client that has gone away is its own business.
	_, _ = w.Write(a.body)
}
