package store

import (
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

// conditions is a WHERE clause under construction. All of its terms must hold.
type conditions struct {
	terms []string
	args  []any
}

func (w *conditions) add(term string, args ...any) {
	w.terms = append(w.terms, term)
	w.args = append(w.args, args...)
}

func (w *conditions) where() string {
	if len(w.terms) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(w.terms, " AND ")
}

// A finder is a query for the numbers of all payments that satisfy one criterion, by an
// index and in no order. It may find more, but never fewer.
type finder struct {
	query string
	args  []any
}

// criteria says in SQL what a filter asks of one merchant account's payments, and how
// they may be found.
type criteria struct {
	conditions
	finders []finder

	account string
	using   func(index string) string
}

// criteria says in SQL what f selects among an account's payments.
func (f Filter) criteria(account string, using func(index string) string) *criteria {
	c := &criteria{account: account, using: using}
	c.add("p.merchant_account = ?", account)
	c.name("id", f.ID, "")
	c.name("reference", f.Reference, "")
	c.name("external_id", f.ExternalID, "payments_external_id")
	c.name("buyer_external_id", f.BuyerExternalID, "payments_buyer")
	c.name("order_ref", f.OrderRef, "payments_order")
	in(c, "status", f.Statuses)
	in(c, "currency", f.Currencies)
	in(c, "country", f.Countries)
	in(c, "method", f.Methods)
	in(c, "service", f.Services)
	c.errorCodes(f.ErrorCodes)
	c.amount("=", f.AmountEQ)
	c.amount(">=", f.AmountGTE)
	c.amount("<=", f.AmountLTE)
	c.within("created_at", f.CreatedGTE, f.CreatedLTE)
	c.within("updated_at", f.UpdatedGTE, f.UpdatedLTE)
	c.refunds(f.HasRefunds)
	c.metadata(f.Metadata)
	c.search(f.Search)
	return c
}

// indexed adds a term over one column for which there is an index by merchant account.
func (c *criteria) indexed(index, column, comparison string, args ...any) {
	c.add("p."+column+" "+comparison, args...)
	c.finders = append(c.finders, finder{
		"SELECT seq FROM payments " + c.using(index) + " WHERE merchant_account = ? AND " + column + " " + comparison,
		append([]any{c.account}, args...),
	})
}

// name adds that a column which names a payment, and has an index, has the value. Such
// an index leaves out what is empty, and has to be told that this is not.
func (c *criteria) name(column, value, index string) {
	if value == "" {
		return
	}
	c.add("p."+column+" = ?", value)
	c.finders = append(c.finders, c.named(column, value, index))
}

func (c *criteria) named(column, value, index string) finder {
	query := "SELECT seq FROM payments WHERE " + column + " = ?"
	if index != "" {
		query = "SELECT seq FROM payments " + c.using(index) + " WHERE " + column + " = ? AND " + column + " <> ''"
	}
	return finder{query, []any{value}}
}

// in adds that a column has one of the values; no values add nothing.
func in[T ~string](c *criteria, column string, values []T) {
	if len(values) == 0 {
		return
	}
	c.indexed("payments_"+column, column, "IN ("+marks(len(values))+")", anys(values)...)
}

// errorCodes is in for a column that is usually empty, and whose index leaves that out.
func (c *criteria) errorCodes(values []string) {
	if slices.Contains(values, "") {
		c.add("p.error_code IN ("+marks(len(values))+")", anys(values)...)
		return
	}
	in(c, "error_code", values)
	if n := len(c.finders); len(values) > 0 {
		c.finders[n-1].query += " AND error_code <> ''"
	}
}

func anys[T ~string](values []T) []any {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	return args
}

// marks is a list of so many parameters.
func marks(n int) string { return "?" + strings.Repeat(",?", n-1) }

func (c *criteria) amount(comparison string, value *int64) {
	if value != nil {
		c.indexed("payments_amount", "amount", comparison+" ?", *value)
	}
}

// within adds the bounds of a time.
func (c *criteria) within(column string, from, to time.Time) {
	switch {
	case from.IsZero() && to.IsZero():
	case column == "updated_at": // the order of the list itself, which needs no finding
		c.bound("p.updated_at >= ?", ceiling(from))
		c.bound("p.updated_at <= ?", to)
	case to.IsZero():
		c.indexed("payments_created_at", column, ">= ?", ceiling(from).UnixMicro())
	case from.IsZero():
		c.indexed("payments_created_at", column, "<= ?", to.UnixMicro())
	default:
		c.indexed("payments_created_at", column, "BETWEEN ? AND ?", ceiling(from).UnixMicro(), to.UnixMicro())
	}
	if column == "created_at" {
		c.bound("p.updated_at >= ?", ceiling(from)) // nothing is updated before it is created
	}
}

func (c *criteria) bound(term string, t time.Time) {
	if !t.IsZero() {
		c.add(term, t.UnixMicro())
	}
}

// ceiling is the first moment, as the database keeps time, that is not before t.
func ceiling(t time.Time) time.Time {
	if kept := ledger.Kept(t); kept.Before(t) {
		return kept.Add(time.Microsecond)
	}
	return t
}

func (c *criteria) refunds(want *bool) {
	switch {
	case want == nil:
	case *want:
		c.indexed("payments_refunded", "refunded", "> 0")
	default:
		c.add("p.refunded = 0")
	}
}

// metadata adds that all pairs of one of the sets match. A set without pairs matches
// everything.
func (c *criteria) metadata(sets []map[string]string) {
	var some conditions
	var find finder
	for _, set := range sets {
		if len(set) == 0 {
			return
		}
		var all conditions
		for name, value := range set {
			// Looked up for each payment, not joined with EXISTS: PostgreSQL takes a rare name
			// and its rare value for much rarer still, and would compare all with all.
			all.add("(SELECT 1 FROM metadata m WHERE m.name = ? AND m.value = ? AND m.payment = p.seq) = 1", name, value)
		}
		some.add("("+strings.Join(all.terms, " AND ")+")", all.args...)
		find.either(finder{"SELECT payment FROM metadata WHERE name = ? AND value = ?", all.args[:2]})
	}
	if len(some.terms) > 0 {
		c.add("("+strings.Join(some.terms, " OR ")+")", some.args...)
		c.finders = append(c.finders, find)
	}
}

// search adds that one of a payment's names is the text.
func (c *criteria) search(text string) {
	if text == "" {
		return
	}
	c.add("? IN (p.id, p.reference, p.order_ref, p.external_id)", text)
	find := c.named("id", text, "")
	find.either(c.named("reference", text, ""))
	find.either(c.named("order_ref", text, "payments_order"))
	find.either(c.named("external_id", text, "payments_external_id"))
	c.finders = append(c.finders, find)
}

// either makes f find what other finds as well.
func (f *finder) either(other finder) {
	if f.query != "" {
		f.query += " UNION ALL "
	}
	f.query += other.query
	f.args = append(f.args, other.args...)
}
