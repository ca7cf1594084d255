package sdk

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// An Op is a place in the code, such as "smartpay.Refund": where an error's path starts.
type Op string

// A FieldError names one field of a request, what is wrong with it and what would
// be right. Pointer is an RFC 6901 JSON Pointer into the JSON form of the request.
type FieldError struct {
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

// Provider is what the provider itself said, verbatim but for masked secrets.
// Empty fields mean that it did not say.
type Provider struct {
	Status     string `json:"status,omitempty"` // its word for the state of the thing
	Code       string `json:"code,omitempty"`   // its error code
	Message    string `json:"message,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
	RequestID  string `json:"request_id,omitempty"`
}

// Network is what a card scheme or bank network said about a decline.
type Network struct {
	Scheme      string `json:"scheme,omitempty"`
	DeclineCode string `json:"decline_code,omitempty"`
	AdviceCode  string `json:"advice_code,omitempty"`
}

// An Error is a reason for an operation not to have succeeded. Its Code says what
// to do next; the zero Code means in doubt.
//
// A connector must not return a code whose outcome is NOT_ATTEMPTED or DECLINED
// when the provider might have acted: a deadline, a lost connection or an
// unreadable answer after the request was sent is a PROVIDER_AMBIGUOUS code.
type Error struct {
	Op         Op
	Code       Code
	Fields     []FieldError  // for VALIDATION: every field at fault
	RetryAfter time.Duration // with RetrySameKeyAfter: how long; 0 means that nobody said
	Provider   Provider
	Network    *Network // nil when no network spoke
	Err        error    // the cause; never crosses the wire except as text
}

// Errorf returns an Error with a cause made from format and args.
func Errorf(op Op, code Code, format string, args ...any) *Error {
	return &Error{Op: op, Code: code, Err: fmt.Errorf(format, args...)}
}

// Unsupported is the refusal of an operation that a connector does not have. The
// host and the SDK give the same one, before anything is sent to a provider.
func Unsupported(connector string, op Operation) *Error {
	return Errorf(Op(connector+"."+string(op)), CodeOperationUnsupported,
		"this connector does not offer %s", op)
}

// Outcome is what the error's code says about the write.
func (e *Error) Outcome() Outcome { return e.Code.Meaning().Outcome }

// Category is the category of the error's code.
func (e *Error) Category() Category { return e.Code.Meaning().Category }

// Retry is what may be tried next.
func (e *Error) Retry() Retry { return e.Code.Meaning().Retry }

// Error reads as a path to the cause:
// "smartpay.Refund: amount_exceeds_refundable (amount.insufficient): 500 left".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(string(e.Op) + ": ")
	}
	if e.Code == "" {
		b.WriteString(string(CodeUnmappedError))
	} else {
		b.WriteString(string(e.Code))
	}
	if e.Provider.Code != "" {
		b.WriteString(" (" + e.Provider.Code + ")")
	}
	for i, f := range e.Fields {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + f.Pointer + " " + f.Message)
	}
	switch {
	case e.Err != nil:
		b.WriteString(": " + e.Err.Error())
	case e.Provider.Message != "":
		b.WriteString(": " + e.Provider.Message)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as an Error. An error of another type says nothing about
// what happened, so it becomes an in-doubt one with err as its cause; so does a nil
// *Error that was returned as an error. AsError(nil) is nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return &Error{Code: CodeUnmappedError, Err: err}
	case e == nil:
		return &Error{Code: CodeUnmappedError, Err: errNilError}
	}
	return e
}

// errNilError is what a nil *Error in an error says: its author meant success and did
// not say so, and a guess at what was meant is no evidence.
var errNilError = errors.New("a nil *sdk.Error was returned as an error")
