export * from "@pulumi/digitalocean";
