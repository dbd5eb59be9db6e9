"""What MariaDB itself saw of the jobs of a story: triggers write it down, whoever wrote the record and whatever was restored."""

DATABASE = "buildpro_story"  # a name that no site can have


class Witness:
	"""Sees each job's end, and whatever is written of one that has ended."""

	def __init__(self, bench):
		self.bench = bench

	def watch(self) -> None:
		"""Make the triggers, on the admin site's database as it is now."""
		self.bench.frappe.db.commit()
		with self.bench.root() as cursor:
			cursor.execute(f"create database if not exists `{DATABASE}`")
			cursor.execute(f"use `{DATABASE}`")
			cursor.execute("create table if not exists completed (tenant varchar(140))")
			cursor.execute("create table if not exists written (job varchar(140), what text)")
			cursor.execute(f"use `{self.bench.frappe.conf.db_name}`")
			cursor.execute("drop trigger if exists story_witness")
			cursor.execute(
				f"""create trigger story_witness after update on `tabProvisioning Job` for each row begin
					if new.status = 'Completed' and old.status <> 'Completed' and new.tenant is not null then
						insert into `{DATABASE}`.completed values (new.tenant);
					end if;
					if old.status in ('Completed', 'Cancelled') and not (
						new.status <=> old.status and new.error <=> old.error and new.state <=> old.state
						and new.cancel_requested <=> old.cancel_requested and new.run_after <=> old.run_after
					) then
						insert into `{DATABASE}`.written values (
							new.name, concat(new.title, ' was ', old.status, ', became ', new.status, ' ', ifnull(new.error, ''))
						);
					end if;
				end"""
			)

	def forget(self) -> None:
		self.bench.frappe.db.commit()
		with self.bench.root() as cursor:
			cursor.execute(f"drop trigger if exists `{self.bench.frappe.conf.db_name}`.story_witness")
			cursor.execute(f"drop database if exists `{DATABASE}`")

	def completed(self) -> set[str]:
		"""Tenants of which a job was completed."""
		return {tenant for (tenant,) in self._rows("select tenant from completed")}

	def written(self) -> list[str]:
		"""What was written of jobs that had ended."""
		return [f"{job}: {what}" for job, what in self._rows("select job, what from written")]

	def _rows(self, query: str) -> tuple:
		with self.bench.root() as cursor:
			cursor.execute(f"use `{DATABASE}`")
			cursor.execute(query)
			return cursor.fetchall()
