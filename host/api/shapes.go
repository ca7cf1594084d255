package api

import (
	"encoding/json"
	"errors"

	"github.com/connectorhost/connectorhost/schemas"
)

// shapes are the schemas of requests, compiled once.
type shapes struct {
	transaction, update, capture, refund, refundAll, increment, options *schemas.Schema
	service, serviceUpdate, verify                                      *schemas.Schema
	subscription, subscriptionUpdate                                    *schemas.Schema
	none                                                                *schemas.Schema
}

// compileShapes compiles every schema that the API judges requests by. The smallest
// ones are written here, since no connector and no client needs to know them.
func compileShapes() (shapes, error) {
	var wrong []error
	keep := func(s *schemas.Schema, err error) *schemas.Schema {
		wrong = append(wrong, err)
		return s
	}
	named := func(name string) *schemas.Schema { return keep(schemas.Compile(name)) }
	inline := func(text string) *schemas.Schema { return keep(schemas.CompileRaw(json.RawMessage(text))) }
	s := shapes{
		transaction:   named("http.transaction-create"),
		capture:       named("http.transaction-capture-create"),
		refund:        named("http.transaction-refund-create"),
		service:       named("http.payment-service-create"),
		serviceUpdate: named("http.payment-service-update"),
		update:        inline(updateShape),
		refundAll:     inline(refundAllShape),
		increment:     inline(incrementShape),
		options:       inline(optionsShape),
		verify:        inline(verifyShape),
		subscription:  inline(`{"required": ["url"], ` + subscriptionShape),
		none:          inline(`{"type": "object"}`),

		subscriptionUpdate: inline(`{` + subscriptionShape),
	}
	return s, errors.Join(wrong...)
}

const refundAllShape = `{
  "type": "object",
  "properties": {
    "reason": {"type": ["string", "null"], "maxLength": 100},
    "external_identifier": {"type": ["string", "null"], "minLength": 1, "maxLength": 300}
  },
  "additionalProperties": false
}`

const incrementShape = `{
  "type": "object",
  "required": ["amount"],
  "properties": {"amount": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 99999999}},
  "additionalProperties": false
}`

// updateShape knows the two things about a transaction that are the merchant's own.
// What else the contract lets a merchant overwrite follows here from what happened.
const updateShape = `{
  "type": "object",
  "properties": {
    "external_identifier": {"type": ["string", "null"], "minLength": 1, "maxLength": 200},
    "metadata": {
      "type": ["object", "null"],
      "maxProperties": 100,
      "propertyNames": {"minLength": 1, "maxLength": 255},
      "additionalProperties": {"type": "string", "maxLength": 4096}
    }
  },
  "additionalProperties": false
}`

const optionsShape = `{
  "type": "object",
  "properties": {
    "country": {
      "type": ["string", "null"], "pattern": "^[A-Z]{2}$", "x-expected": "an ISO 3166-1 country code such as JP"
    },
    "currency": {
      "type": ["string", "null"], "pattern": "^[A-Z]{3}$", "x-expected": "an ISO 4217 currency code such as JPY"
    },
    "amount": {"type": ["integer", "null"], "format": "int64", "minimum": 0, "maximum": 99999999},
    "locale": {"type": ["string", "null"], "maxLength": 35},
    "metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    "cart_items": {"type": ["array", "null"], "items": {"type": "object"}}
  },
  "additionalProperties": false
}`

const verifyShape = `{
  "type": "object",
  "required": ["payment_service_definition_id", "fields"],
  "properties": {
    "payment_service_definition_id": {"type": "string", "minLength": 1, "maxLength": 50},
    "payment_service_id": {"type": ["string", "null"], "format": "uuid"},
    "fields": {
      "type": "array",
      "items": {
        "type": "object",
        "required": ["key", "value"],
        "properties": {
          "key": {"type": "string", "minLength": 1, "maxLength": 50},
          "value": {"type": ["string", "null"], "maxLength": 10000}
        }
      }
    }
  },
  "additionalProperties": false
}`

// subscriptionShape is what is the same in a request to create or change a webhook
// subscription, after the brace and what differs. Of the kinds of authentication that the
// contract knows this host offers one.
const subscriptionShape = `
  "type": "object",
  "properties": {
    "url": {"type": "string", "minLength": 1, "maxLength": 2048},
    "active": {"type": "boolean"},
    "authentication": {
      "type": ["object", "null"],
      "required": ["kind", "username", "password"],
      "properties": {
        "kind": {"const": "basic", "x-expected": "basic"},
        "username": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^:]+$", "x-expected": "a name without a colon"},
        "password": {"type": "string", "minLength": 1, "maxLength": 255}
      },
      "additionalProperties": false
    }
  },
  "additionalProperties": false
}`
