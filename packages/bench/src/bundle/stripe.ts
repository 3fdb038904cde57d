import Stripe from "stripe"

export const run = async () => {
  const client = new Stripe("key")
  const customer = await client.customers.retrieve("customer")
  console.log(customer.id)
}
