package api

import "time"

// An Order is what a charge is asked for with. Amounts are in the minor unit of their
// currency, as in the contract: where your provider counts in decimals, convert here, by
// moving the point in the text and never through a float.
type Order struct {
	OrderNumber string `json:"order_number"` // ours, unique
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	Country     string `json:"country"`
	Customer    string `json:"customer"`
	Description string `json:"description,omitempty"`
}

// A Charge is a payment as the provider holds it. What an answer leaves out is nil or
// empty: an amount that was not said is not zero.
type Charge struct {
	ID          string   `json:"id"`
	OrderNumber string   `json:"order_number"`
	Status      string   `json:"status"`
	Amount      *int64   `json:"amount"`
	Currency    string   `json:"currency"`
	Refunded    *int64   `json:"refunded"`
	Refunds     []Refund `json:"refunds"`
	Created     string   `json:"created"`
}

// A RefundOrder is what a refund is asked for with.
type RefundOrder struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Reason   string `json:"reason"`
	Label    string `json:"label"` // ours: the provider keeps it and finds the refund by it
}

// A Refund is a refund as the provider holds it.
type Refund struct {
	ID       string `json:"id"`
	Charge   string `json:"charge"`
	Status   string `json:"status"`
	Amount   *int64 `json:"amount"`
	Currency string `json:"currency"`
	Label    string `json:"label"`
	Created  string `json:"created"`
}

// Charges answer a search. A list that is missing is nil, and is not an empty one.
type Charges struct {
	Charges []Charge `json:"charges"`
}

// Refunds answer a search.
type Refunds struct {
	Refunds []Refund `json:"refunds"`
}

// Time reads the provider's times; the zero time stands for what cannot be read.
func Time(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}
