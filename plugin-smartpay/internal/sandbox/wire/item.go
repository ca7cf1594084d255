package wire

import (
	"encoding/json"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

// The kinds of line item.
const (
	Product   = "product"
	Tax       = "tax"
	Deduction = "discount"
	lineItem  = "lineItem"
)

// Item is a line item as a merchant gives it, and as the books keep it:
// normalised, absent fields left out.
type Item struct {
	Kind               string          `json:"kind"`
	Name               string          `json:"name,omitempty"`
	Amount             int64           `json:"amount"`
	Currency           string          `json:"currency"`
	Quantity           int64           `json:"quantity"`
	Brand              string          `json:"brand,omitempty"`
	GTIN               string          `json:"gtin,omitempty"`
	Reference          string          `json:"reference,omitempty"`
	URL                string          `json:"url,omitempty"`
	Label              string          `json:"label,omitempty"`
	Categories         []string        `json:"categories,omitempty"`
	Images             []string        `json:"images,omitempty"`
	Description        string          `json:"description,omitempty"`
	ProductDescription string          `json:"productDescription,omitempty"`
	PriceDescription   string          `json:"priceDescription,omitempty"`
	Metadata           json.RawMessage `json:"metadata,omitempty"`
	ProductMetadata    json.RawMessage `json:"productMetadata,omitempty"`
	PriceMetadata      json.RawMessage `json:"priceMetadata,omitempty"`
}

// Items reads back the items of an order.
func Items(o *book.Order) []Item {
	var items []Item
	if err := json.Unmarshal(o.Items, &items); err != nil {
		// The books hold only what Encode wrote.
		panic("wire: line items of an order: " + err.Error())
	}
	return items
}

// LineItem is a line item in full. Products have a Price; taxes and discounts
// carry Amount and Currency themselves, and their Name too [UNK].
type LineItem struct {
	head
	Kind        string          `json:"kind"`
	Quantity    int64           `json:"quantity,omitempty"`
	Name        string          `json:"name,omitempty"`
	Amount      *int64          `json:"amount,omitempty"`
	Currency    string          `json:"currency,omitempty"`
	Description string          `json:"description,omitempty"`
	Metadata    json.RawMessage `json:"metadata"`
	Price       *Price          `json:"price,omitempty"`
}

// Price is what one unit of a product costs.
type Price struct {
	head
	Active      bool            `json:"active"`
	Amount      int64           `json:"amount"`
	Currency    string          `json:"currency"`
	Label       string          `json:"label,omitempty"`
	Description string          `json:"description,omitempty"`
	Metadata    json.RawMessage `json:"metadata"`
	Product     Goods           `json:"product"`
}

// Goods is the product that a price is for.
type Goods struct {
	head
	Active      bool            `json:"active"`
	Name        string          `json:"name"`
	Brand       string          `json:"brand,omitempty"`
	GTIN        string          `json:"gtin,omitempty"`
	Reference   string          `json:"reference,omitempty"`
	URL         string          `json:"url,omitempty"`
	Description string          `json:"description,omitempty"`
	Categories  []string        `json:"categories"`
	Images      []string        `json:"images"`
	Metadata    json.RawMessage `json:"metadata"`
}

// LineItems spells the items of an order in full.
func LineItems(mode book.Mode, o *book.Order) []LineItem {
	items := Items(o)
	all := make([]LineItem, len(items))
	for i, item := range items {
		all[i] = newLineItem(mode, o, i, item)
	}
	return all
}

func newLineItem(mode book.Mode, o *book.Order, i int, item Item) LineItem {
	part := func(kind book.Kind, object string) head {
		return newHead(o.ID.Derive(kind, i).Text(kind, mode), object, mode, o.Created, o.Created)
	}
	w := LineItem{
		head: part(book.KindLineItem, lineItem), Kind: item.Kind, Description: item.Description,
		Metadata: orEmpty(item.Metadata, emptyObject),
	}
	if item.Kind != Product {
		w.Name, w.Amount, w.Currency = item.Name, &item.Amount, item.Currency
		return w
	}
	w.Quantity = item.Quantity
	w.Price = &Price{
		head: part(book.KindPrice, "price"), Active: true, Amount: item.Amount, Currency: item.Currency,
		Label: item.Label, Description: item.PriceDescription, Metadata: orEmpty(item.PriceMetadata, emptyObject),
		Product: Goods{
			head: part(book.KindProduct, "product"), Active: true, Name: item.Name, Brand: item.Brand, GTIN: item.GTIN,
			Reference: item.Reference, URL: item.URL, Description: item.ProductDescription,
			Categories: list(item.Categories), Images: list(item.Images),
			Metadata: orEmpty(item.ProductMetadata, emptyObject),
		},
	}
	return w
}

func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}
