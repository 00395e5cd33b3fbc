-- The schemas stay: they are the roles step's, with every right that was given on them.
DROP TABLE devx.activity_logs;
DROP TABLE devx.generation_history;
DROP TABLE devx.services;
DROP TABLE devx.projects;
DROP TABLE templates.templates;
DROP TABLE templates.technologies;
DROP TABLE templates.categories;
DROP TABLE devx.users;
DROP FUNCTION devx.set_updated_at();
