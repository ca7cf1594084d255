package wire

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
)

// A trip is one message of the contract on its way from package sdk to the wire and
// back.
type trip struct {
	// draw makes a random value of package sdk.
	draw func(t *rapid.T) any
	// full makes a value with no field left empty.
	full func() any
	to   func(v any) proto.Message
	from func(m proto.Message) any
	new  func() proto.Message
}

// A response is what comes back of a call.
type response[Res any] struct {
	Result Res
	Err    *sdk.Error
}

// trips lists every message that is sent.
func trips() map[string]trip {
	all := make(map[string]trip)
	add(all, describeMethod)
	add(all, healthMethod)
	add(all, checkCredentialsMethod)
	add(all, authorizeMethod)
	add(all, findPaymentMethod)
	add(all, captureMethod)
	add(all, voidMethod)
	add(all, cancelMethod)
	add(all, refundMethod)
	add(all, findRefundMethod)
	add(all, readWebhookMethod)
	add(all, registerWebhookMethod)
	add(all, tokenizeMethod)
	add(all, deleteTokenMethod)
	add(all, zeroAuthorizeMethod)
	add(all, incrementMethod)
	return all
}

func add[Req, Res any, In, Out proto.Message](all map[string]trip, m method[Req, Res, In, Out]) {
	requests := rapid.MakeCustom[Req](shapes())
	all[string(m.op)+" request"] = trip{
		draw: func(t *rapid.T) any { return requests.Draw(t, "request") },
		full: func() any { return full[Req]() },
		to:   func(v any) proto.Message { return m.toRequest(v.(Req)) },
		from: func(p proto.Message) any { return m.fromRequest(p.(In)) },
		new: func() proto.Message {
			var none In
			return none.ProtoReflect().New().Interface()
		},
	}
	responses := rapid.MakeCustom[response[Res]](shapes())
	all[string(m.op)+" response"] = trip{
		draw: func(t *rapid.T) any {
			r := responses.Draw(t, "response")
			if m.op == opDescribe {
				r.Err = nil // a description has no error
			}
			return r
		},
		full: func() any {
			r := full[response[Res]]()
			if m.op == opDescribe {
				r.Err = nil
			}
			return r
		},
		to: func(v any) proto.Message {
			r := v.(response[Res])
			return m.toResponse(r.Result, r.Err)
		},
		from: func(p proto.Message) any {
			res, err := m.fromResponse(p.(Out))
			return response[Res]{res, err}
		},
		new: func() proto.Message { return m.newResponse() },
	}
}

// travel takes v to bytes and back.
func (tr trip) travel(t interface{ Fatal(...any) }, v any) any {
	bytes, err := proto.Marshal(tr.to(v))
	if err != nil {
		t.Fatal(err)
	}
	m := tr.new()
	if err := proto.Unmarshal(bytes, m); err != nil {
		t.Fatal(err)
	}
	if bad := faults(m); bad != nil {
		t.Fatal(bad)
	}
	return tr.from(m)
}

// alike compares what left with what arrived: causes by their words, and nothing and
// an empty list as the same.
var alike = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Err" && p.Index(-2).Type() == errorType },
		cmp.Comparer(func(a, b error) bool { return words(a) == words(b) })),
}

var errorType = reflect.TypeFor[sdk.Error]()

func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// shapes says how to draw what the types alone do not tell.
func shapes() rapid.MakeConfig {
	text := rapid.OneOf(rapid.StringN(0, 6, -1), rapid.SampledFrom([]string{"", "株式会社スマートペイ", "\x00 \u202e 💴"}))
	numbers := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, math.MaxInt64, math.MinInt64}))
	return rapid.MakeConfig{
		Kinds: map[reflect.Kind]*rapid.Generator[any]{
			reflect.String: text.AsAny(),
			reflect.Int:    rapid.Custom(func(t *rapid.T) int { return int(rapid.Int32().Draw(t, "int")) }).AsAny(),
			reflect.Int64:  numbers.AsAny(),
		},
		Types: map[reflect.Type]*rapid.Generator[any]{
			reflect.TypeFor[sdk.Secret](): rapid.Map(text, sdk.NewSecret).AsAny(),
			reflect.TypeFor[time.Time]():  rapid.Custom(drawTime).AsAny(),
			reflect.TypeFor[json.RawMessage](): rapid.Map(rapid.SliceOf(rapid.Byte()),
				func(b []byte) json.RawMessage { return b }).AsAny(),
			reflect.TypeFor[sdk.Outcome]():    rapid.SampledFrom(append(names(outcomes), "")).AsAny(),
			reflect.TypeFor[sdk.State]():      rapid.SampledFrom(append(names(states), "")).AsAny(),
			reflect.TypeFor[sdk.MoveStatus](): rapid.SampledFrom(names(moves)).AsAny(),
		},
		Fields: map[reflect.Type]map[string]*rapid.Generator[any]{
			errorType: {"Err": rapid.Custom(func(t *rapid.T) any {
				if said := text.Draw(t, "cause"); said != "" {
					return errors.New(said)
				}
				return nil
			})},
		},
	}
}

// drawTime draws the zero time, and any other that JSON and proto can express.
func drawTime(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "zero") {
		return time.Time{}
	}
	seconds := rapid.Int64Range(
		time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix(),
	).Draw(t, "seconds")
	return time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
}

func names[S ~string, N ~int32](t table[S, N]) []S {
	var all []S
	for _, row := range t {
		all = append(all, row.name)
	}
	return all
}

// full returns a T with every field set, each string and number unlike every other.
func full[T any]() T {
	var v T
	n := 0
	fill(reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case sdk.Secret:
		v.Set(reflect.ValueOf(sdk.NewSecret(unlike(*n))))
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(*n), 7)))
	case json.RawMessage:
		v.SetBytes([]byte(unlike(*n)))
	case sdk.Outcome, sdk.State:
		v.SetString("DECLINED")
	case sdk.MoveStatus:
		v.SetString("REVERSED")
	default:
		fillKind(v, n)
	}
}

func unlike(n int) string { return "value " + time.Duration(n).String() }

func fillKind(v reflect.Value, n *int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(unlike(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(errors.New(unlike(*n))))
	default:
		panic("fill does not know " + v.Type().String())
	}
}

// TestFullIsFull is about the test's own tool: a field that full forgot would be a
// field that nothing tests.
func TestFullIsFull(t *testing.T) {
	for name, tr := range trips() {
		t.Run(name, func(t *testing.T) {
			tr := tr.full()
			if r := reflect.ValueOf(tr); r.Kind() == reflect.Struct && r.NumField() > 0 {
				empty(t, name, r)
			}
		})
	}
}

func empty(t *testing.T, path string, v reflect.Value) {
	if v.IsZero() && v.Type() != reflect.TypeFor[*sdk.Error]() {
		t.Errorf("%s is empty", path)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				empty(t, path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			empty(t, path, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			empty(t, path, v.Index(i))
		}
	}
}
