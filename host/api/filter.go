package api

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/api/internal/strictjson"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A selection is which payments a list is to have.
type selection struct {
	store.Filter
	nothing bool // it asks for what no payment of this host ever is
}

// neverTrue are the filters on what no payment of this host ever is: asking for false
// selects all, asking for true selects none.
var neverTrue = map[string]bool{
	"pending_review": true, "has_gift_card_redemptions": true, "has_settlements": true,
	"is_subsequent_payment": true, "merchant_initiated": true, "used_3ds": true, "disputed": true,
}

// A query reads the parameters of a list and collects what is wrong with them.
type query struct {
	values  url.Values
	refused []detail
}

// filterOf reads the filters of a list of transactions. One that is not offered is
// refused rather than ignored: a list of everything is the wrong answer to it.
func filterOf(values url.Values, account string) (selection, error) {
	q := &query{values: values}
	w, refused := windowOf(values, defaultLimit)
	q.refused = refused
	s := selection{Filter: store.Filter{MerchantAccount: account, Limit: w.limit, Cursor: w.cursor}}
	for name, given := range values {
		if len(given) == 0 || name == "limit" || name == "cursor" {
			continue
		}
		if neverTrue[name] {
			if yes := q.flag(name); yes != nil && *yes {
				s.nothing = true
			}
			continue
		}
		q.read(&s.Filter, name)
	}
	if len(q.refused) > 0 {
		return selection{}, invalid(sorted(q.refused)...)
	}
	return s, nil
}

// read puts one parameter into the filter.
func (q *query) read(f *store.Filter, name string) {
	switch name {
	case "status":
		f.Statuses = q.statuses(name)
	case "currency":
		f.Currencies = q.values[name]
	case "country":
		f.Countries = q.values[name]
	case "method":
		f.Methods = q.values[name]
	case "payment_service_id":
		f.Services = q.values[name]
	case "error_code":
		f.ErrorCodes = q.values[name]
	case "id":
		f.ID = q.text(name)
	case "external_identifier":
		f.ExternalID = q.text(name)
	case "buyer_external_identifier":
		f.BuyerExternalID = q.text(name)
	case "reconciliation_id":
		f.Reference = q.text(name)
	case "payment_service_transaction_id":
		f.OrderRef = q.text(name)
	case "search":
		f.Search = q.text(name)
	case "has_refunds":
		f.HasRefunds = q.flag(name)
	case "metadata":
		f.Metadata = q.metadata(name)
	default:
		q.readRange(f, name)
	}
}

// readRange puts one bound into the filter.
func (q *query) readRange(f *store.Filter, name string) {
	amounts := map[string]**int64{"amount_eq": &f.AmountEQ, "amount_gte": &f.AmountGTE, "amount_lte": &f.AmountLTE}
	times := map[string]*time.Time{
		"created_at_gte": &f.CreatedGTE, "created_at_lte": &f.CreatedLTE,
		"updated_at_gte": &f.UpdatedGTE, "updated_at_lte": &f.UpdatedLTE,
	}
	if amount, ok := amounts[name]; ok {
		*amount = q.number(name)
	} else if t, ok := times[name]; ok {
		*t = q.time(name)
	} else {
		q.refuse(name, "is not a filter that is offered here")
	}
}

func (q *query) refuse(name, message string) {
	q.refused = append(q.refused, detail{inQuery, strictjson.Pointer(name), message, string(sdk.CodeInvalidField)})
}

// text is a parameter that may be given once.
func (q *query) text(name string) string {
	if len(q.values[name]) > 1 {
		q.refuse(name, "must be given once")
	}
	return q.values.Get(name)
}

func (q *query) flag(name string) *bool {
	switch strings.ToLower(q.text(name)) {
	case "true":
		yes := true
		return &yes
	case "false":
		no := false
		return &no
	}
	q.refuse(name, "must be true or false")
	return nil
}

func (q *query) number(name string) *int64 {
	n, err := strconv.ParseInt(q.text(name), 10, 64)
	if err != nil {
		q.refuse(name, "must be a whole number of minor units")
	}
	return &n
}

func (q *query) time(name string) time.Time {
	t, err := time.Parse(time.RFC3339, q.text(name))
	if err != nil {
		q.refuse(name, "must be a date and time with a zone, such as 2026-01-31T09:00:00Z")
	}
	return t
}

func (q *query) statuses(name string) []ledger.Status {
	known := map[ledger.Status]bool{
		ledger.StatusProcessing: true, ledger.StatusBuyerApprovalPending: true,
		ledger.StatusAuthorizationSucceeded: true, ledger.StatusAuthorizationDeclined: true,
		ledger.StatusAuthorizationFailed: true, ledger.StatusVoidPending: true, ledger.StatusVoided: true,
		ledger.StatusCapturePending: true, ledger.StatusCaptureSucceeded: true,
	}
	var all []ledger.Status
	for _, text := range q.values[name] {
		if !known[ledger.Status(text)] {
			q.refuse(name, "must be a status of a transaction, such as authorization_succeeded")
			return nil
		}
		all = append(all, ledger.Status(text))
	}
	return all
}

// metadata reads values that are each a JSON object of texts.
func (q *query) metadata(name string) []map[string]string {
	var all []map[string]string
	for _, text := range q.values[name] {
		var pairs map[string]string
		_, err := strictjson.Decode([]byte(text))
		if err != nil || json.Unmarshal([]byte(text), &pairs) != nil || len(pairs) == 0 {
			q.refuse(name, `must be a JSON object of texts, such as {"cart":"7"}`)
			return nil
		}
		all = append(all, pairs)
	}
	return all
}
