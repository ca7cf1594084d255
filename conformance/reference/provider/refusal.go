package provider

import (
	"fmt"
	"net/http"
)

// A refusal is an answer other than success, in the provider's words. Unless it
// declines, nothing took effect.
type refusal struct {
	status  int
	code    string
	field   string // RFC 6901 pointer into the request, where a field is at fault
	message string
	network *network      // nil unless the buyer's bank spoke
	payment *paymentShown // that a decline leaves behind; nil if none
}

// network is what the card network said.
type network struct {
	Scheme      string `json:"scheme"`
	DeclineCode string `json:"decline_code"`
	AdviceCode  string `json:"advice_code,omitempty"`
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func conflict(code, format string, args ...any) *refusal {
	return &refusal{status: http.StatusConflict, code: code, message: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) *refusal {
	return &refusal{
		status: http.StatusUnprocessableEntity, code: "invalid_field", field: field,
		message: field + " " + fmt.Sprintf(format, args...),
	}
}

func malformed(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "malformed", message: message}
}

func notFound(what string) *refusal {
	return &refusal{status: http.StatusNotFound, code: what + "_not_found", message: "there is no such " + what}
}

// declined refuses in the bank's or the provider's name.
func declined(reason string) *refusal {
	r := &refusal{status: http.StatusPaymentRequired, code: reason, message: "declined: " + reason}
	for _, d := range declines {
		if d.reason == reason && d.network != "" {
			r.network = &network{Scheme: "refnet", DeclineCode: d.network, AdviceCode: d.advice}
		}
	}
	return r
}
