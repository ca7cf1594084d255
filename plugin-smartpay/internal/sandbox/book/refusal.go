package book

import "fmt"

// Code is the errorCode of a refusal, as it travels (smartpay-api.md §10.2).
type Code string

// The codes with which the books refuse. Those marked [INF] follow the pattern
// of the documented ones.
const (
	SessionNotFound       Code = "checkout-session.not-found" // [INF]
	OrderNotFound         Code = "order.not-found"
	PaymentNotFound       Code = "payment.not-found"
	RefundNotFound        Code = "refund.not-found" // [INF]
	TokenNotFound         Code = "token.not-found"
	CouponNotFound        Code = "coupon.not-found"
	PromotionCodeNotFound Code = "promotion-code.not-found"   // [INF]
	EndpointNotFound      Code = "webhook-endpoint.not-found" // [INF]
	CannotCancel          Code = "order.cannot-cancel"
	CannotCapture         Code = "order.cannot-capture"
	ExcessiveAmount       Code = "payment.excessive-amount"
	InsufficientAmount    Code = "amount.insufficient"
	TokenInvalid          Code = "token.invalid"
	PromotionCodeExists   Code = "promotion-code.exists"
	RequestInvalid        Code = "request.invalid"
)

// Refusal is the provider saying no. Nothing has changed when one is returned.
type Refusal struct {
	Code    Code
	Message string
}

func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Message }

func refuse(code Code, format string, args ...any) error {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}

func missing(code Code, id string) error {
	return refuse(code, "no such object: %q", id)
}
