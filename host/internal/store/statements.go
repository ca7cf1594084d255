package store

import "strings"

// A column is a column's name and what is to be in it.
type column struct {
	name  string
	value any
}

// columns are some columns of one table, always in the same order.
type columns []column

func (c *changes) add(query string, args ...any) {
	*c = append(*c, statement{query: query, args: args})
}

// must adds a statement that has to touch a row.
func (c *changes) must(none error, query string, args ...any) {
	*c = append(*c, statement{query: query, args: args, none: none})
}

// insert adds a row, which fails with taken if one like it is there. What is empty is
// left out: the table says what that is.
func (c *changes) insert(taken error, table string, row columns) {
	names, args := row.filled()
	c.must(taken, "INSERT INTO "+table+" ("+strings.Join(names, ", ")+") VALUES ("+marks(len(args))+
		") ON CONFLICT DO NOTHING", args...)
}

// thePayment is the number of the payment whose id is the statement's first argument.
const thePayment = `(SELECT seq FROM payments WHERE id = ?)`

// insertOf adds a row that belongs to the payment with the given id.
func (c *changes) insertOf(payment, table string, row columns) {
	names, args := row.filled()
	c.add("INSERT INTO "+table+" (payment, "+strings.Join(names, ", ")+") VALUES ("+thePayment+", "+marks(len(args))+")",
		append([]any{payment}, args...)...)
}

// update adds what turns the columns from was into is, and nothing if they are equal.
// To name a column costs its indexes, changed or not, so it names what differs. It
// fails with none, unless that is nil, if there is no such row.
func (c *changes) update(none error, table string, was, is columns, where string, args ...any) {
	var set []string
	var values []any
	for i := range is {
		if was[i].value != is[i].value {
			set = append(set, is[i].name+" = ?")
			values = append(values, is[i].value)
		}
	}
	if len(set) > 0 {
		c.must(none, "UPDATE "+table+" SET "+strings.Join(set, ", ")+" WHERE "+where, append(values, args...)...)
	}
}

func (row columns) filled() (names []string, args []any) {
	for _, c := range row {
		switch c.value {
		case nil, "", int64(0):
			continue
		}
		names, args = append(names, c.name), append(args, c.value)
	}
	return names, args
}
